{{- /* Made by `make generate` from operator/chatassistant_operator/chart; do not edit. */ -}}
{{ define "chatassistant-operator.rules" -}}
- apiGroups:
  - chatassistant.dev
  resources:
  - chatassistants
  verbs:
  - list
  - watch
  - get
- apiGroups:
  - ''
  resources:
  - serviceaccounts
  verbs:
  - list
  - watch
  - get
  - create
  - patch
- apiGroups:
  - ''
  resources:
  - services
  verbs:
  - list
  - watch
  - get
  - create
  - patch
- apiGroups:
  - apps
  resources:
  - deployments
  verbs:
  - list
  - watch
  - get
  - create
  - patch
- apiGroups:
  - ''
  resources:
  - configmaps
  verbs:
  - list
  - watch
  - get
  - create
  - patch
  - delete
- apiGroups:
  - networking.k8s.io
  resources:
  - networkpolicies
  verbs:
  - list
  - watch
  - get
  - create
  - patch
  - delete
- apiGroups:
  - networking.k8s.io
  resources:
  - ingresses
  verbs:
  - list
  - watch
  - get
  - create
  - patch
  - delete
- apiGroups:
  - autoscaling
  resources:
  - horizontalpodautoscalers
  verbs:
  - list
  - watch
  - get
  - create
  - patch
  - delete
- apiGroups:
  - policy
  resources:
  - poddisruptionbudgets
  verbs:
  - list
  - watch
  - get
  - create
  - patch
  - delete
- apiGroups:
  - gateway.networking.k8s.io
  resources:
  - httproutes
  verbs:
  - list
  - watch
  - get
  - create
  - patch
  - delete
- apiGroups:
  - monitoring.coreos.com
  resources:
  - servicemonitors
  verbs:
  - list
  - watch
  - get
  - create
  - patch
  - delete
- apiGroups:
  - monitoring.coreos.com
  resources:
  - prometheusrules
  verbs:
  - list
  - watch
  - get
  - create
  - patch
  - delete
- apiGroups:
  - apps
  resources:
  - replicasets
  verbs:
  - list
  - watch
- apiGroups:
  - ''
  resources:
  - pods
  verbs:
  - list
  - watch
- apiGroups:
  - ''
  resources:
  - secrets
  verbs:
  - get
  - create
- apiGroups:
  - events.k8s.io
  resources:
  - events
  verbs:
  - create
- apiGroups:
  - chatassistant.dev
  resources:
  - chatassistants/status
  verbs:
  - patch
{{- end }}

{{ define "chatassistant-operator.leaseRules" -}}
- apiGroups:
  - coordination.k8s.io
  resources:
  - leases
  verbs:
  - get
  - create
  - update
{{- end }}

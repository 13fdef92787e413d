{{- /* Made by `make generate` from operator/chatassistant_operator/chart; do not edit. */ -}}
{{ define "chatassistant-operator.settings" -}}
- name: CHATASSISTANT_NAMESPACES
  value: {{ .Values.namespaces | toJson | quote }}
- name: CHATASSISTANT_POLICY__ALLOWED_GATEWAYS
  value: {{ .Values.policy.allowedGateways | toJson | quote }}
- name: CHATASSISTANT_POLICY__ALLOWED_IMAGES
  value: {{ .Values.policy.allowedImages | toJson | quote }}
- name: CHATASSISTANT_POLICY__ALLOWED_ENDPOINTS
  value: {{ .Values.policy.allowedEndpoints | toJson | quote }}
- name: CHATASSISTANT_POLICY__ALLOWED_METADATA
  value: {{ .Values.policy.allowedMetadata | toJson | quote }}
- name: CHATASSISTANT_POLICY__ALLOWED_SERVICE_TYPES
  value: {{ .Values.policy.allowedServiceTypes | toJson | quote }}
- name: CHATASSISTANT_POLICY__ALLOWED_PRIORITY_CLASSES
  value: {{ .Values.policy.allowedPriorityClasses | toJson | quote }}
- name: CHATASSISTANT_POLICY__ALLOWED_SERVICE_ACCOUNTS
  value: {{ .Values.policy.allowedServiceAccounts | toJson | quote }}
- name: CHATASSISTANT_POLICY__ALLOWED_EGRESS
  value: {{ .Values.policy.allowedEgress | toJson | quote }}
- name: CHATASSISTANT_POLICY__ALLOWED_HOSTS
  value: {{ .Values.policy.allowedHosts | toJson | quote }}
- name: CHATASSISTANT_TRUSTED_PROXIES
  value: {{ .Values.trustedProxies | toJson | quote }}
{{- if not (kindIs "invalid" .Values.httpsProxy) }}
- name: CHATASSISTANT_HTTPS_PROXY
  value: {{ .Values.httpsProxy | quote }}
{{- end }}
- name: CHATASSISTANT_NO_PROXY
  value: {{ .Values.noProxy | quote }}
- name: CHATASSISTANT_METRICS_NAMESPACES
  value: {{ .Values.metricsNamespaces | toJson | quote }}
- name: CHATASSISTANT_EGRESS
  value: {{ .Values.egress | toJson | quote }}
- name: CHATASSISTANT_MONITORING_LABELS
  value: {{ .Values.monitoringLabels | toJson | quote }}
- name: CHATASSISTANT_WORKERS
  value: {{ .Values.workers | toJson | quote }}
- name: CHATASSISTANT_MAX_CONCURRENT_ROLLOUTS
  value: {{ .Values.maxConcurrentRollouts | toJson | quote }}
- name: CHATASSISTANT_LEADER_ELECTION
  value: {{ .Values.leaderElection | toJson | quote }}
- name: CHATASSISTANT_LEASE_NAME
  value: {{ .Values.leaseName | quote }}
- name: CHATASSISTANT_LOG_FORMAT
  value: {{ .Values.logFormat | quote }}
- name: CHATASSISTANT_LOG_LEVEL
  value: {{ .Values.logLevel | quote }}
- name: CHATASSISTANT_SECRET_INTERVAL_SECONDS
  value: {{ .Values.secretIntervalSeconds | toJson | quote }}
- name: CHATASSISTANT_REPORT_INTERVAL_SECONDS
  value: {{ .Values.reportIntervalSeconds | toJson | quote }}
- name: CHATASSISTANT_AUDIT_INTERVAL_SECONDS
  value: {{ .Values.auditIntervalSeconds | toJson | quote }}
{{- end }}

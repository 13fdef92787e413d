"""etcd, kube-apiserver and kube-controller-manager as plain processes on the loopback interface."""

import json
import secrets
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from support.kubernetes.build import binaries
from support.processes import free_port, start, stop
from support.waiting import eventually

CRDS: Final = Path(__file__).parents[2] / "crds"
_CONTROLLERS: Final = (
    "deployment-controller,replicaset-controller,serviceaccount-controller,garbage-collector-controller,"
    "namespace-controller,horizontal-pod-autoscaler-controller,disruption-controller,endpointslice-controller,"
    "root-ca-certificate-publisher-controller,serviceaccount-token-controller,resourcequota-controller,"
    "clusterrole-aggregation-controller,persistentvolumeclaim-protection-controller"
)


class ControlPlane:
    """A running Kubernetes control plane; `stop` ends it, and so does the end of this process."""

    def __init__(self, folder: Path, *api_server_flags: str) -> None:
        self._folder = folder
        self._api_server_flags = api_server_flags
        self._binaries = binaries()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._tokens: dict[str, str] = {}
        self._etcd = f"http://127.0.0.1:{free_port()}"
        self._port = free_port()
        self.server: Final = f"https://127.0.0.1:{self._port}"
        self.ca_file: Final = folder / "certificates" / "apiserver.crt"
        self.kubeconfig: Final = folder / "kubeconfig"
        self._audit_log = folder / "audit.log"

    def start(self) -> None:
        """Start everything and wait until it answers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.admin_token = self._add_user("admin", "system:masters")
        self._make_service_account_key()
        self._run(
            "etcd",
            f"--data-dir={self._folder}/etcd",
            "--unsafe-no-fsync",
            "--log-level=error",
            f"--listen-client-urls={self._etcd}",
            f"--advertise-client-urls={self._etcd}",
            f"--listen-peer-urls=http://127.0.0.1:{free_port()}",
        )
        self.start_api_server()
        self.kubeconfig.write_text(self.kubeconfig_for(self.admin_token), encoding="utf-8")
        # Before the controllers: the garbage collector looks for new kinds only every 30 s.
        self.kubectl("apply", "-f", str(CRDS))
        self._run(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig}",
            f"--service-account-private-key-file={self._folder}/service-account.key",
            f"--root-ca-file={self.ca_file}",
            f"--controllers={_CONTROLLERS}",
            "--leader-elect=false",
            "--use-service-account-credentials=false",
            f"--secure-port={free_port()}",
            "--bind-address=127.0.0.1",
            f"--cert-dir={self._folder}/certificates",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            "--concurrent-namespace-syncs=20",
            "--concurrent-gc-syncs=20",
            "--horizontal-pod-autoscaler-sync-period=1s",
        )
        eventually(
            lambda: self.kubectl("get", "serviceaccount", "default", check=False).returncode == 0,
            "the controllers make the default service account",
        )

    def start_api_server(self) -> None:
        """Start the API server, also again after `stop_api_server`, and wait until it is ready."""
        self._run(
            "kube-apiserver",
            f"--etcd-servers={self._etcd}",
            f"--secure-port={self._port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            # 1.37 refuses a loopback address without it.
            "--endpoint-reconciler-type=none",
            f"--cert-dir={self._folder}/certificates",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._folder}/service-account.key",
            f"--service-account-signing-key-file={self._folder}/service-account.key",
            f"--token-auth-file={self._folder}/tokens.csv",
            "--authorization-mode=RBAC",
            "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--allow-privileged=true",
            f"--audit-policy-file={self._write_audit_policy()}",
            f"--audit-log-path={self._audit_log}",
            *self._api_server_flags,
        )
        eventually(self._is_ready, "the API server is ready", timeout=60)

    def uses(self, namespace: str, service_account: str) -> set[tuple[str, str, str]]:
        """What an account did: API group, resource with its subresource, verb; of what RBAC let it do."""
        user, used = f"system:serviceaccount:{namespace}:{service_account}", set[tuple[str, str, str]]()
        for line in self._audit_log.read_text(encoding="utf-8").splitlines():
            event = json.loads(line)
            ref = event.get("objectRef")
            if event["user"]["username"] == user and ref and event["responseStatus"].get("code") != 403:
                resource = "/".join(filter(None, (ref["resource"], ref.get("subresource"))))
                # Applying what is not there yet is allowed to whoever may create it, too.
                verbs = ["create"] * (event["responseStatus"].get("code") == 201) + [event["verb"]]
                used |= {(ref.get("apiGroup", ""), resource, verb) for verb in verbs}
        return used

    def stop_api_server(self) -> None:
        """End the API server at once, as a crash would."""
        process = self._processes.pop("kube-apiserver")
        process.kill()
        process.wait()

    def stop(self) -> None:
        """End everything, last started first."""
        for process in reversed(list(self._processes.values())):
            stop(process, timeout=5)

    @property
    def kubectl_path(self) -> Path:
        """The real kubectl."""
        return self._binaries / "kubectl"

    def kubectl(
        self, *arguments: str, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run the real kubectl as the administrator."""
        result = subprocess.run(
            [self._binaries / "kubectl", f"--kubeconfig={self.kubeconfig}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env={"HOME": str(self._folder), "PATH": "/usr/bin:/bin"},
        )
        assert not check or result.returncode == 0, f"kubectl {arguments}: {result.stderr or result.stdout}"
        return result

    def create_token(self, namespace: str, service_account: str) -> str:
        """A token for a ServiceAccount, as its pods have."""
        return self.kubectl("create", "token", service_account, "-n", namespace).stdout.strip()

    def kubeconfig_for(self, token: str, server: str | None = None) -> str:
        """A kubeconfig, as text, for whoever has this token; JSON is YAML."""
        cluster = {"server": server or self.server, "certificate-authority": str(self.ca_file)}
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "tests",
                "clusters": [{"name": "tests", "cluster": cluster}],
                "users": [{"name": "tests", "user": {"token": token}}],
                "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
            }
        )

    def log(self, name: str) -> str:
        """What a component has printed."""
        return (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def _add_user(self, name: str, group: str) -> str:
        token = secrets.token_hex(16)
        with (self._folder / "tokens.csv").open("a", encoding="utf-8") as tokens:
            tokens.write(f'{token},{name},{name},"{group}"\n')
        return token

    def _write_audit_policy(self) -> Path:
        """What ServiceAccounts do is written down, at its end."""
        rules = [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}]
        policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"]}
        path = self._folder / "audit-policy.json"
        path.write_text(json.dumps({**policy, "rules": rules}), encoding="utf-8")
        return path

    def _make_service_account_key(self) -> None:
        subprocess.run(
            ["openssl", "genrsa", "-out", self._folder / "service-account.key", "2048"],  # noqa: S607 (any openssl will do)
            check=True,
            capture_output=True,
        )

    def _run(self, name: str, *arguments: str) -> None:
        command = [self._binaries / name, *arguments]
        self._processes[name] = start(command, self._folder / f"{name}.log")

    def _is_ready(self) -> bool:
        process = self._processes["kube-apiserver"]
        assert process.poll() is None, f"the API server ended:\n{self.log('kube-apiserver')[-3000:]}"
        if not self.ca_file.exists():
            return False
        request = urllib.request.Request(  # noqa: S310 (our own https URL)
            f"{self.server}/readyz", headers={"Authorization": f"Bearer {self.admin_token}"}
        )
        try:
            context = ssl.create_default_context(cafile=str(self.ca_file))
            with urllib.request.urlopen(request, context=context, timeout=2) as response:  # noqa: S310 (our own https URL)
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

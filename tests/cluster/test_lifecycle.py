"""A ChatAssistant's life on a real API server, with real controllers and chatbots as real processes."""

from chatassistant_operator.local.openrouter.situations import ACCEPTED, FREE_TIER, UNKNOWN
from support.assistants import Assistants
from support.gateway import GatewayProcess
from support.node import NodeStandIn
from support.operators import OperatorProcess
from support.waiting import eventually


def test_quickstart_becomes_ready_and_answers(operator: OperatorProcess, assistants: Assistants) -> None:
    assistants.put_key(ACCEPTED.token)
    assistants.apply()
    assistants.kubectl("wait", "chat/todo", "--for=condition=Ready", "--timeout=30s")
    assert "successfully rolled out" in assistants.kubectl("rollout", "status", "deployment/todo")
    answer = assistants.ask("Hello")
    assert "Hello" in answer["choices"][0]["message"]["content"]
    status = assistants.get()["status"]
    assert status["replicas"] == status["readyReplicas"] == 1
    assert status["model"]["free"] is True
    assert status["credentials"]["fingerprint"]
    assert ACCEPTED.token not in str(assistants.get()) + operator.log


def test_a_secret_that_comes_late_then_wrong_then_right(
    operator: OperatorProcess, assistants: Assistants
) -> None:
    assistants.apply()
    missing = assistants.wait_for("SecretNotFound")
    assert "kubectl create secret generic openrouter-secret" in missing["message"]
    assert not assistants.pods()
    assistants.put_key(UNKNOWN.token)
    refused = assistants.wait_for("KeyRejected", timeout=10)
    assert "User not found." in refused["message"]
    assert not assistants.pods()
    assistants.put_key(ACCEPTED.token)
    assistants.wait_for("Ready")


def test_a_secret_without_the_entry_says_so_and_tells_no_other_name(
    operator: OperatorProcess, assistants: Assistants
) -> None:
    assistants.kubectl("create", "secret", "generic", "openrouter-secret", "--from-literal=other-entry=x")
    assistants.apply()
    missing = assistants.wait_for("SecretKeyMissing")
    assert "other-entry" not in missing["message"]


def test_what_is_no_openrouter_key_is_sent_to_nobody(
    operator: OperatorProcess, assistants: Assistants, gateway: GatewayProcess
) -> None:
    assistants.put_key("hunter2-the-database-password")
    assistants.apply(gateway={"baseURL": "https://openrouter.ai/api/v1"})
    # Nobody can reach the list of models from here, so this is told only once that is known.
    eventually(
        lambda: assistants.condition("Ready").get("reason") == "KeyMalformed", "KeyMalformed", timeout=15
    )
    assert "hunter2" not in str(assistants.get()) + operator.log
    assert not assistants.pods()


def test_a_model_that_does_not_exist_is_never_rolled(
    operator: OperatorProcess, assistants: Assistants
) -> None:
    assistants.put_key(ACCEPTED.token)
    assistants.apply(model={"name": "openai/gpt-5-minni"})
    wrong = assistants.wait_for("ModelNotFound")
    assert "openai/gpt-5-mini" in wrong["message"]
    assert not assistants.pods()
    assistants.apply(model={"name": "openai/gpt-5-mini"})
    assistants.wait_for("Ready")
    (before,) = assistants.pods()
    assistants.apply(model={"name": "openai/gpt-6-mini"})
    assistants.wait_for("ModelNotFound")
    (after,) = assistants.pods()
    assert after.metadata.uid == before.metadata.uid
    assert assistants.condition("Available")["reason"] == "ServingPreviousRevision"


def test_an_edit_rolls_to_new_pods_and_forgets_old_configurations(
    operator: OperatorProcess, assistants: Assistants
) -> None:
    assistants.put_key(ACCEPTED.token)
    assistants.apply(systemPrompt="First")
    assistants.wait_for("Ready")
    (before,) = assistants.pods()
    assistants.apply(systemPrompt="Second")
    assistants.wait_for("Ready")
    (after,) = eventually(
        lambda: [pod for pod in assistants.pods() if pod.metadata.uid != before.metadata.uid], "a new pod"
    )
    config = after.spec.volumes[0].config_map.name
    content = assistants.core.read_namespaced_config_map(config, assistants.namespace)
    assert '"Second"' in content.data["config.json"]
    assert content.immutable is True


def test_scale_suspend_and_resume(operator: OperatorProcess, assistants: Assistants) -> None:
    assistants.put_key(ACCEPTED.token)
    assistants.apply()
    assistants.wait_for("Ready")
    assistants.kubectl("scale", "chat/todo", "--replicas=2")
    eventually(lambda: assistants.get()["status"]["readyReplicas"] == 2, "two pods are ready")
    assistants.apply(suspend=True)
    assistants.wait_for("Suspended")
    eventually(lambda: not assistants.pods(), "no pod runs")
    assistants.apply(suspend=False)
    eventually(lambda: assistants.get()["status"]["readyReplicas"] == 2, "two pods are ready again")
    assistants.wait_for("Ready")


def test_what_was_created_suspended_starts_no_pod_with_a_refused_key(
    operator: OperatorProcess, assistants: Assistants
) -> None:
    assistants.put_key(UNKNOWN.token)
    assistants.apply(suspend=True)
    assistants.wait_for("Suspended")
    assistants.apply(suspend=False)
    assistants.wait_for("KeyRejected")
    sets = assistants.apps.list_namespaced_replica_set(assistants.namespace).items
    # Their generation counts edits of their scale: they were made with none, and left so.
    assert {(each.spec.replicas, each.metadata.generation) for each in sets} == {(0, 1)}
    assistants.put_key(ACCEPTED.token)
    assistants.wait_for("Ready", timeout=70)


def test_a_gateway_that_is_down_leaves_pods_alone(
    operator: OperatorProcess, assistants: Assistants, gateway: GatewayProcess
) -> None:
    assistants.put_key(ACCEPTED.token)
    assistants.apply()
    assistants.wait_for("Ready")
    (before,) = assistants.pods()
    gateway.misbehave(route="*", status=503)
    assistants.put_key(FREE_TIER.token)
    assistants.apply(replicas=2)
    eventually(lambda: assistants.condition("Ready").get("status") == "True", "ready again")
    assert before.metadata.uid in {pod.metadata.uid for pod in assistants.pods()}


def test_a_first_rollout_goes_ahead_when_the_gateway_cannot_be_asked(
    operator: OperatorProcess, assistants: Assistants, gateway: GatewayProcess
) -> None:
    gateway.misbehave(route="/key", black_hole=True)
    gateway.misbehave(route="/models", status=500)
    assistants.put_key(ACCEPTED.token)
    assistants.apply()
    ready = assistants.wait_for("Ready")
    assert assistants.condition("CredentialsValid")["reason"] == "GatewayUnreachable"
    assert assistants.condition("ModelAvailable")["reason"] == "CatalogUnavailable"
    assert "could not be checked" in ready["message"]
    gateway.reset()
    assistants.wait_for("KeyAccepted", "CredentialsValid")
    assistants.wait_for("ModelFound", "ModelAvailable")


def test_delete_leaves_nothing_but_the_users_secret(
    operator: OperatorProcess, assistants: Assistants, node: NodeStandIn
) -> None:
    assistants.put_key(ACCEPTED.token)
    assistants.apply()
    assistants.wait_for("Ready")
    assert not assistants.get()["metadata"].get("finalizers")
    annotations = assistants.get()["metadata"]["annotations"]
    assert list(annotations) == ["kubectl.kubernetes.io/last-applied-configuration"]
    assistants.kubectl("delete", "chat", "todo")
    kinds = "deployments,replicasets,pods,services,configmaps,secrets,serviceaccounts"
    left = eventually(
        lambda: "No resources found" in assistants.kubectl("get", kinds, "-l", "chatassistant.dev/name"),
        "nothing is left",
    )
    assert left
    assert "openrouter-secret" in assistants.kubectl("get", "secrets")


def test_two_assistants_with_one_secret_ask_the_gateway_once(
    operator: OperatorProcess, assistants: Assistants, gateway: GatewayProcess
) -> None:
    assistants.put_key(ACCEPTED.token)
    assistants.apply("one")
    assistants.apply("two")
    assistants.wait_for("Ready", name="one")
    assistants.wait_for("Ready", name="two")
    assert gateway.requests["GET /key"] == 1
    assert gateway.requests["GET /models"] == 1


def test_an_operator_killed_in_the_middle_goes_on_where_it_was(
    operator: OperatorProcess, assistants: Assistants, start_operator: object
) -> None:
    assert callable(start_operator)
    assistants.put_key(ACCEPTED.token)
    for number in range(5):
        assistants.apply(f"todo-{number}")
    eventually(lambda: assistants.pods("todo-0"), "the first pod is there")
    operator.kill()
    start_operator()
    for number in range(5):
        assistants.wait_for("Ready", name=f"todo-{number}", timeout=60)

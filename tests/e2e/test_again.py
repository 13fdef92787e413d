"""`make cluster` on a cluster that runs."""

from pathlib import Path

import pytest
from deploy.cluster.images.buildah import Buildah
from deploy.cluster.images.project import tag

from support.whole_cluster import WholeCluster, buildah, images_of_the_node, make

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

_SYSTEM = ("chatassistant-system", "kube-system", "openrouter", "quickstart", "todo-chatbot")


def test_what_is_as_it_should_be_stays(cluster: WholeCluster) -> None:
    def pods() -> set[tuple[str, str, int]]:
        return {
            (namespace, each["metadata"]["name"], each["status"]["containerStatuses"][0]["restartCount"])
            for namespace in _SYSTEM
            for each in cluster.get("pods", "-n", namespace)["items"]
            if each["status"]["phase"] == "Running"
        }

    before = pods()
    assert "the cluster runs already" in make("up")
    assert pods() == before


def test_an_image_that_was_replaced_goes(cluster: WholeCluster, tmp_path: Path) -> None:
    name, ours, archive = tag("operator"), Buildah(), tmp_path / "image.tar"
    ours.from_scratch(name, Path(__file__), "/")
    replaced = ours.identity(name)
    ours.save(name, archive)
    images_of_the_node("import", archive)
    images_of_the_node("tag", name, f"{name}-replaced")
    make("up")
    assert f"{name}-replaced" not in images_of_the_node("list", "--quiet").split()
    assert replaced not in buildah("images", "--all", "--quiet", "--no-trunc")

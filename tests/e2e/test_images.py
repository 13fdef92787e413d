"""The images: small, the same each time, and with a list of what is inside."""

import json
from pathlib import Path
from typing import Any

import pytest
from deploy.cluster.folders import PROJECT
from deploy.cluster.images.buildah import BASE, Buildah
from deploy.cluster.images.project import NAMES, arguments, tag

from support.whole_cluster import Team, WholeCluster, buildah

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

_MEGABYTES_BEYOND_THE_BASE = 150
_PLACE = "/opt/chatassistant"


def _configuration(image: str) -> dict[str, Any]:
    configuration: dict[str, Any] = json.loads(buildah("inspect", "--type=image", image))["OCIv1"]
    return configuration


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_small_and_says_what_it_is(cluster: WholeCluster, tmp_path: Path, name: str) -> None:
    sizes = []
    for image in (BASE, tag(name)):
        archive = tmp_path / "image.tar"
        Buildah().save(image, archive)
        sizes.append(archive.stat().st_size)
        archive.unlink()
    assert (sizes[1] - sizes[0]) / 1e6 < _MEGABYTES_BEYOND_THE_BASE
    configuration = _configuration(tag(name))["config"]
    assert configuration["User"] == "65532:65532"
    assert configuration["Entrypoint"] == [f"{_PLACE}/bin/chatassistant-{name}"]
    labels = configuration["Labels"]
    assert labels["org.opencontainers.image.title"] == f"chatassistant-{name}"
    assert labels["org.opencontainers.image.version"] == tag(name).rpartition(":")[2]
    assert labels["org.opencontainers.image.base.name"] == BASE


@pytest.mark.parametrize("name", NAMES)
def test_the_same_sources_give_the_same_layers(cluster: WholeCluster, name: str) -> None:
    again = f"localhost/{name}-again:1"
    Buildah().build(PROJECT / name / "Dockerfile", PROJECT, again, *arguments(), "--no-cache")
    layers = [_configuration(image)["rootfs"]["diff_ids"] for image in (tag(name), again)]
    buildah("rmi", "--force", again)
    assert layers[0] == layers[1]


def test_the_list_of_what_is_inside_is_whole(team: Team) -> None:
    look = (
        "import json; from importlib.metadata import distributions as d; "
        f"listed = json.load(open('{_PLACE}/sbom.cdx.json'))['components']; "
        "print({(e['name'], e['version']) for e in listed} ^ {(e.name, e.version) for e in d()})"
    )
    # What is installed is the project, which the list is of and does not list, or nothing else.
    differing = team.kubectl("exec", "client", "--", "python", "-c", look)
    assert differing.count("(") == differing.count("'chatassistant'") == 1, differing

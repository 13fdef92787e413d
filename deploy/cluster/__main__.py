"""`python -m deploy.cluster up|down|images|prepare`."""

import argparse
import sys

from deploy.cluster import here, kind
from deploy.cluster.console import ClusterError, say
from deploy.cluster.images import project
from deploy.cluster.images.buildah import Buildah
from deploy.cluster.packages import install, missing


def main() -> int:
    """Do what is said; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.cluster", description=__doc__)
    parser.add_argument("action", choices=("up", "down", "images", "prepare"))
    parser.add_argument("--here", action="store_true", help="on this machine itself, also where Docker runs")
    arguments = parser.parse_args()
    action, by_kind = arguments.action, project.docker_runs() and not arguments.here
    try:
        if action == "up":
            (kind if by_kind else here).up()
        elif action == "prepare":
            here.prepare()
        elif action == "down":
            (kind if by_kind and kind.is_there() else here).down()
        elif by_kind:
            project.with_docker()
        else:
            install(missing(node=False))
            project.with_buildah(Buildah())
    except ClusterError as error:
        say(f"cluster: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

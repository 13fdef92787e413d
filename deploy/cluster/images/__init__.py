"""The images: the project's own by its Dockerfiles, and a cluster's few others from scratch."""

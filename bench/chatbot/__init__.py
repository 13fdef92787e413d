"""The chatbot beside its peers and its floor, with one upstream and one load for all: `make bench-chatbot`."""

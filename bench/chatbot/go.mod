module chatassistant.dev/bench

go 1.26

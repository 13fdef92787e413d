// Load asks a chatbot, and prints what came of it as one JSON object: `load requests|streams|slow -url URL …`.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

var asked atomic.Int64

// Target is who is asked, and how.
type Target struct {
	url, model string
	headers    http.Header
}

// Set takes a header, as a flag has it: "Name: value".
func (target *Target) Set(header string) error {
	name, value, _ := strings.Cut(header, ":")
	target.headers.Set(name, strings.TrimSpace(value))
	return nil
}

func (target *Target) String() string { return "" }

// Request is one that no other is equal to; form are words for the upstream on its stream.
func (target *Target) request(stream bool, form string) *http.Request {
	question := fmt.Sprintf("What is on my list of tasks today? %s Question %d of %d.", form, asked.Add(1), os.Getpid())
	body := fmt.Sprintf(`{"model":%q,"stream":%t,"messages":[{"role":"user","content":%q}]}`, target.model, stream, question)
	request, err := http.NewRequest(http.MethodPost, target.url, strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	request.Header = target.headers
	return request
}

func main() {
	modes := map[string]func(*Target, []string) map[string]any{
		"requests": requests, "streams": streams, "slow": slow,
	}
	if len(os.Args) < 2 || modes[os.Args[1]] == nil {
		log.Fatal("load requests|streams|slow …")
	}
	target := &Target{headers: http.Header{"Content-Type": {"application/json"}}}
	json.NewEncoder(os.Stdout).Encode(modes[os.Args[1]](target, os.Args[2:]))
}

// Flags are those that each mode has.
func flags(target *Target) *flag.FlagSet {
	set := flag.NewFlagSet("load", flag.ExitOnError)
	set.StringVar(&target.url, "url", "", "where completions are asked for")
	set.StringVar(&target.model, "model", "", "the model to name")
	set.Var(target, "header", "a header of each request, `Name: value`")
	return set
}

func client(connections int) *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}}
}

// Quantile of what is sorted here, in milliseconds.
func quantile(durations []time.Duration, share float64) float64 {
	if len(durations) == 0 {
		return 0
	}
	slices.Sort(durations)
	place := min(int(share*float64(len(durations))), len(durations)-1)
	return float64(durations[place]) / float64(time.Millisecond)
}

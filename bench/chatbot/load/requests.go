package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Tally is what one connection or all of them met.
type tally struct {
	sync.Mutex
	latencies []time.Duration
	failed    int
	failure   string
}

func (tally *tally) fail(failure string) {
	tally.Lock()
	defer tally.Unlock()
	tally.failed++
	tally.failure = failure
}

// Requests asks in a closed loop: each connection again as soon as it has its answer. Counted is what ends in time.
func requests(target *Target, arguments []string) map[string]any {
	set := flags(target)
	connections := set.Int("connections", 16, "how many ask at a time")
	count := set.Int64("count", 0, "how many requests; 0 for as many as there is time for")
	warm := set.Duration("warm", 0, "how long before anything is counted")
	length := set.Duration("for", 3*time.Second, "how long, when there is no count")
	set.Parse(arguments)
	var (
		http  = client(*connections)
		total tally
		taken atomic.Int64
		all   sync.WaitGroup
		began = time.Now()
		from  = began.Add(*warm)
		until = from.Add(*length)
	)
	going := func() bool {
		if *count > 0 {
			return taken.Add(1) <= *count
		}
		return time.Now().Before(until) && taken.Add(1) > 0
	}
	for range *connections {
		all.Go(func() {
			var own []time.Duration
			for going() {
				start := time.Now()
				if failure := once(http, target); failure != "" {
					total.fail(failure)
				} else if end := time.Now(); end.After(from) && (*count > 0 || end.Before(until)) {
					own = append(own, end.Sub(start))
				}
			}
			total.Lock()
			defer total.Unlock()
			total.latencies = append(total.latencies, own...)
		})
	}
	all.Wait()
	counted := length.Seconds()
	if *count > 0 {
		counted = time.Since(from).Seconds()
	}
	asked, answered := asked.Load(), len(total.latencies)
	return map[string]any{
		"asked": asked, "failed": total.failed, "failure": total.failure,
		"rps":    float64(answered) / counted,
		"p50_ms": quantile(total.latencies, 0.5), "p99_ms": quantile(total.latencies, 0.99),
	}
}

// Once asks once; gives what was wrong.
func once(client *http.Client, target *Target) string {
	response, err := client.Do(target.request(false, ""))
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	if response.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`"choices"`)) {
		return fmt.Sprintf("%d %.300s", response.StatusCode, body)
	}
	return ""
}

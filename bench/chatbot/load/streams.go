package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Patience is after how many times its length a stream is given up.
const patience = 2.5

// Reading is what is seen of one stream: the seconds to its first event and to its end, and the gaps between events.
type reading struct {
	first, whole time.Duration
	gaps         []time.Duration
	failure      string
}

// Streams reads many paced streams at a time, begun within a second.
func streams(target *Target, arguments []string) map[string]any {
	set := flags(target)
	count := set.Int("streams", 200, "how many at a time")
	rate := set.Int("rate", 50, "tokens a second")
	length := set.Duration("for", 10*time.Second, "how long each is")
	set.Parse(arguments)
	tokens := int(length.Seconds() * float64(*rate))
	form := fmt.Sprintf("%d tokens of 5 bytes at %d a second.", tokens, *rate)
	ended, client, readings := sync.WaitGroup{}, client(*count), make([]reading, *count)
	for number := range *count {
		ended.Go(func() {
			time.Sleep(time.Second * time.Duration(number) / time.Duration(*count))
			readings[number] = read(client, target, form, time.Duration(patience*float64(*length)))
		})
	}
	ended.Wait()
	var firsts, wholes, gaps []time.Duration
	chunks, failed, failure := 0, 0, ""
	for _, each := range readings {
		chunks += len(each.gaps) + 1
		gaps = append(gaps, each.gaps...)
		firsts = append(firsts, each.first)
		if each.failure == "" && len(each.gaps) < tokens {
			each.failure = fmt.Sprintf("%d events of %d", len(each.gaps)+1, tokens)
		}
		if each.failure != "" {
			failed, failure = failed+1, each.failure
			each.whole = time.Duration(patience * float64(*length))
		}
		wholes = append(wholes, each.whole)
	}
	return map[string]any{
		"asked": asked.Load(), "failed": failed, "failure": failure, "chunks": chunks,
		"ratio":      float64(slices.Max(wholes)) / float64(*length),
		"first_ms":   quantile(firsts, 0.5),
		"gap_p99_ms": quantile(gaps, 0.99),
	}
}

// Read reads one stream to its end.
func read(client *http.Client, target *Target, form string, longest time.Duration) (seen reading) {
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	start := time.Now()
	response, err := client.Do(target.request(true, form).WithContext(ctx))
	if err != nil {
		return reading{failure: err.Error()}
	}
	defer response.Body.Close()
	lines, last, done := bufio.NewScanner(response.Body), time.Time{}, false
	for lines.Scan() {
		line := lines.Text()
		if !strings.HasPrefix(line, "data:") {
			continue
		}
		now := time.Now()
		if last.IsZero() {
			seen.first = now.Sub(start)
		} else {
			seen.gaps = append(seen.gaps, now.Sub(last))
		}
		last = now
		done = strings.HasSuffix(line, "[DONE]")
	}
	seen.whole = time.Since(start)
	if !done {
		seen.failure = fmt.Sprintf("%d, ended without [DONE] after %s", response.StatusCode, seen.whole)
	}
	return seen
}

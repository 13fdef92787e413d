package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// What a reader's machine takes in that nobody reads, and a packet, bytes: both as small as on a network, so that it is
// the chatbot that has to wait, and not this machine that keeps all for it.
const window, packet = 8192, 1460

// Slow opens streams that come at once and reads each slowly, while one caller asks as ever.
func slow(target *Target, arguments []string) map[string]any {
	set := flags(target)
	readers := set.Int("readers", 1000, "how many read at a time")
	tokens := set.Int("tokens", 2000, "of 2 KiB, how long each stream is")
	length := set.Duration("for", 20*time.Second, "how long they read")
	set.Parse(arguments)
	form := fmt.Sprintf("%d tokens of 2048 bytes at 0 a second.", *tokens)
	ctx, cancel := context.WithTimeout(context.Background(), *length)
	defer cancel()
	var (
		all, probe      tally
		answered, taken atomic.Int64
		ended           sync.WaitGroup
	)
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(socket uintptr) {
			syscall.SetsockoptInt(int(socket), syscall.SOL_SOCKET, syscall.SO_RCVBUF, window)
			syscall.SetsockoptInt(int(socket), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, packet)
		})
	}}
	narrow := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableCompression: true}}
	for number := range *readers {
		ended.Go(func() {
			time.Sleep(*length / 4 * time.Duration(number) / time.Duration(*readers))
			response, err := narrow.Do(target.request(true, form).WithContext(ctx))
			if err != nil {
				all.fail(err.Error())
				return
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusOK {
				all.fail(response.Status)
				return
			}
			answered.Add(1)
			if failure := sip(ctx, response.Body, &taken); failure != "" {
				all.fail(failure)
			}
		})
	}
	for quick := client(1); ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		start := time.Now()
		if failure := once(quick, target); failure != "" {
			probe.fail(failure)
		}
		probe.latencies = append(probe.latencies, time.Since(start))
	}
	ended.Wait()
	return map[string]any{
		"asked": asked.Load(), "answered": answered.Load(), "failed": all.failed + probe.failed,
		"failure": all.failure + probe.failure, "taken": taken.Load(),
		"others_p99_ms": quantile(probe.latencies, 0.99),
	}
}

// Sip takes 512 bytes twice a second until the time is over; gives what was wrong before.
func sip(ctx context.Context, body io.Reader, taken *atomic.Int64) string {
	buffer := make([]byte, 512)
	for ctx.Err() == nil {
		count, err := body.Read(buffer)
		taken.Add(int64(count))
		if err != nil && ctx.Err() == nil {
			return err.Error()
		}
		time.Sleep(500 * time.Millisecond)
	}
	return ""
}

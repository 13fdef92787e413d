// Upstream answers chat completions at once, so that only what stands before it is measured.
//
// Words in the question ask for a stream's form: "500 tokens of 5 bytes at 50 a second"; 0 a second is as fast as they
// are read.
// It prints its address; GET /counts tells what was asked of it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	head   = `{"id":"gen-1","object":"%s","created":1760000000,"model":"%s","provider":"Bench","choices":[`
	usage  = `"usage":{"prompt_tokens":24,"completion_tokens":%d,"total_tokens":%d,"cost":0.00002}}`
	answer = "There are three tasks on your list for today: water the plants, call Ada, and pay the rent."
)

// What this machine keeps of a stream that nobody takes, bytes; loopback would keep megabytes.
const kept = 32768

var (
	form                  = regexp.MustCompile(`(\d+) tokens of (\d+) bytes at (\d+) a second`)
	requests, open, bytes atomic.Int64
)

type question struct {
	Model    string
	Stream   bool
	Messages []struct{ Content json.RawMessage }
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("GET /counts", counts)
	http.HandleFunc("POST /v1/chat/completions", complete)
	fmt.Printf("http://%s/v1\n", listener.Addr())
	server := &http.Server{ConnContext: func(ctx context.Context, connection net.Conn) context.Context {
		connection.(*net.TCPConn).SetWriteBuffer(kept)
		return ctx
	}}
	log.Fatal(server.Serve(listener))
}

func counts(response http.ResponseWriter, _ *http.Request) {
	told := map[string]int64{"requests": requests.Load(), "open": open.Load(), "bytes": bytes.Load()}
	json.NewEncoder(response).Encode(told)
}

func complete(response http.ResponseWriter, request *http.Request) {
	requests.Add(1)
	open.Add(1)
	defer open.Add(-1)
	body, err := io.ReadAll(request.Body)
	var asked question
	if err != nil || json.Unmarshal(body, &asked) != nil || len(asked.Messages) == 0 {
		http.Error(response, `{"error":{"message":"no question","code":400}}`, http.StatusBadRequest)
		return
	}
	if asked.Stream {
		stream(response, request, asked)
		return
	}
	content := fmt.Sprintf(head, "chat.completion", asked.Model) +
		`{"index":0,"message":{"role":"assistant","content":"` + answer + `"},"finish_reason":"stop"}],` +
		fmt.Sprintf(usage, 20, 44)
	response.Header().Set("Content-Type", "application/json")
	response.Header().Set("Content-Length", strconv.Itoa(len(content)))
	io.WriteString(response, content)
}

func stream(response http.ResponseWriter, request *http.Request, asked question) {
	tokens, size, rate := 20, 5, 0
	if found := form.FindSubmatch(asked.Messages[len(asked.Messages)-1].Content); found != nil {
		tokens, _ = strconv.Atoi(string(found[1]))
		size, _ = strconv.Atoi(string(found[2]))
		rate, _ = strconv.Atoi(string(found[3]))
	}
	start := "data: " + fmt.Sprintf(head, "chat.completion.chunk", asked.Model)
	token := []byte(start + `{"index":0,"delta":{"role":"assistant","content":"` + strings.Repeat("w", size) +
		`"},"finish_reason":null}]}` + "\n\n")
	last := start + `{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]}` + "\n\n" +
		start + "]," + fmt.Sprintf(usage, tokens, tokens+24) + "\n\ndata: [DONE]\n\n"
	response.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(response)
	control.Flush()
	for began, number := time.Now(), 1; number <= tokens; number++ {
		if rate > 0 {
			time.Sleep(time.Until(began.Add(time.Duration(number) * time.Second / time.Duration(rate))))
		}
		if request.Context().Err() != nil || !sent(response, control, token) {
			return
		}
	}
	sent(response, control, []byte(last))
}

func sent(response http.ResponseWriter, control *http.ResponseController, event []byte) bool {
	written, err := response.Write(event)
	bytes.Add(int64(written))
	return err == nil && control.Flush() == nil
}

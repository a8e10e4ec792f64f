// Load sends AdmissionReviews over kept-alive TLS connections in a closed loop: each connection
// sends its next review when it has the answer to the last one. Every answer is checked. It prints
// one line of JSON: how many reviews, their rate, and percentiles of the time to the answer.
//
// Requests are written as bytes made beforehand, with the headers that the API server's client
// sends, rather than by net/http: a load generator on the same cores must cost little.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"portcullis.dev/bench/measured"
)

const uidLength = 36

// patience is how long an answer may take before the server is taken for stuck.
const patience = 10 * time.Second

type options struct {
	address, ca, body, placeholder string
	connections                    int
	warmup, duration               time.Duration
}

// review is a request as bytes, and where its uid stands.
type review struct {
	bytes []byte
	uids  []int
}

type answer struct {
	Response *struct {
		UID     string `json:"uid"`
		Allowed bool   `json:"allowed"`
	} `json:"response"`
}

type result struct {
	Requests int     `json:"requests"`
	Total    int     `json:"total"` // with those of the warm-up
	Rate     float64 `json:"rate"`
	Mean     float64 `json:"mean_ms"`
	P50      float64 `json:"p50_ms"`
	P90      float64 `json:"p90_ms"`
	P99      float64 `json:"p99_ms"`
	Max      float64 `json:"max_ms"`
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("load: ")
	o := parse()
	template := newReview(o)
	config := &tls.Config{RootCAs: measured.Roots(o.ca), ServerName: "localhost", NextProtos: []string{"http/1.1"}}
	start := time.Now().Add(o.warmup)
	end := start.Add(o.duration)
	times := make([][]time.Duration, o.connections)
	counts := make([]int, o.connections)
	var group sync.WaitGroup
	for i := range times {
		group.Go(func() {
			times[i], counts[i] = loop(dial(o.address, config, end), i, template, start, end)
		})
	}
	group.Wait()
	summary := summary(slices.Concat(times...), o.duration)
	for _, count := range counts {
		summary.Total += count
	}
	measured.Check(json.NewEncoder(os.Stdout).Encode(summary))
}

func parse() (o options) {
	flag.StringVar(&o.address, "address", "127.0.0.1:8443", "host and port")
	flag.StringVar(&o.ca, "ca", "", "certificates to trust, PEM")
	flag.StringVar(&o.body, "body", "", "file with the review")
	flag.StringVar(&o.placeholder, "uid", "", "the uid in it, replaced in every request")
	flag.IntVar(&o.connections, "connections", 8, "connections")
	flag.DurationVar(&o.warmup, "warmup", 500*time.Millisecond, "not measured")
	flag.DurationVar(&o.duration, "duration", 3*time.Second, "measured")
	flag.Parse()
	return o
}

func newReview(o options) review {
	body, err := os.ReadFile(o.body)
	measured.Check(err)
	if len(o.placeholder) != uidLength || !bytes.Contains(body, []byte(o.placeholder)) {
		log.Fatalf("%s: the uid %q must stand in it, and be %d long", o.body, o.placeholder, uidLength)
	}
	// As client-go's REST client sends it for the webhook admission plugin.
	head := "POST /validate?timeout=5s HTTP/1.1\r\n" +
		"Host: localhost\r\n" +
		"User-Agent: kube-apiserver-admission\r\n" +
		fmt.Sprintf("Content-Length: %d\r\n", len(body)) +
		"Accept: application/json, */*\r\n" +
		"Content-Type: application/json\r\n" +
		"Accept-Encoding: gzip\r\n\r\n"
	request := append([]byte(head), body...)
	return review{request, indexes(request, []byte(o.placeholder))}
}

// indexes returns where part stands in whole.
func indexes(whole, part []byte) (found []int) {
	for at := 0; ; at += len(part) {
		next := bytes.Index(whole[at:], part)
		if next < 0 {
			return found
		}
		at += next
		found = append(found, at)
	}
}

func dial(address string, config *tls.Config, end time.Time) *tls.Conn {
	dialer := net.Dialer{Deadline: end}
	connection, err := tls.DialWithDialer(&dialer, "tcp", address, config)
	measured.Check(err)
	measured.Check(connection.SetDeadline(end.Add(patience)))
	return connection
}

// loop returns the times of the answers that came between start and end, and the number of all.
func loop(connection *tls.Conn, number int, template review, start, end time.Time) ([]time.Duration, int) {
	request := bytes.Clone(template.bytes)
	reader := bufio.NewReader(connection)
	times := make([]time.Duration, 0, 1<<14)
	for count := 0; ; count++ {
		uid := fmt.Sprintf("%08x-0000-4000-8000-%012x", number, count)
		for _, at := range template.uids {
			copy(request[at:], uid)
		}
		sent := time.Now()
		_, err := connection.Write(request)
		measured.Check(err)
		receive(reader, uid)
		now := time.Now()
		if now.After(end) {
			return times, count + 1
		}
		if sent.After(start) {
			times = append(times, now.Sub(sent))
		}
	}
}

func receive(reader *bufio.Reader, uid string) {
	response, err := http.ReadResponse(reader, nil)
	measured.Check(err)
	body, err := io.ReadAll(response.Body)
	measured.Check(err)
	var got answer
	err = json.Unmarshal(body, &got)
	if err != nil || response.StatusCode != http.StatusOK || got.Response == nil ||
		got.Response.UID != uid || !got.Response.Allowed {
		log.Fatalf("%s: wanted uid %s allowed, got %s", response.Status, uid, strings.TrimSpace(string(body)))
	}
	if response.Close {
		log.Fatal("the server closes the connection")
	}
}

func summary(times []time.Duration, duration time.Duration) result {
	if len(times) == 0 {
		log.Fatal("no answer in time")
	}
	at := measured.Percentiles(times)
	var sum time.Duration
	for _, t := range times {
		sum += t
	}
	return result{
		Requests: len(times),
		Rate:     float64(len(times)) / duration.Seconds(),
		Mean:     measured.Milliseconds(sum) / float64(len(times)),
		P50:      at(0.50),
		P90:      at(0.90),
		P99:      at(0.99),
		Max:      at(1),
	}
}

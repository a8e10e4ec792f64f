// Writes creates objects at an API server, each of them another, over kept-alive TLS connections:
// one client that waits for each answer, or at a rate, whether or not the answers keep up. At a
// rate a write's time counts from the moment at which it was due, so that a server that is late
// does not slow down what it is asked (Gil Tene's "coordinated omission"). It prints one line of
// JSON: writes a second, and percentiles of their times.
//
// In Go and inside the network of the control plane, for what writes shares the cores with what is
// measured and must cost little.
package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sync"
	"time"

	"portcullis.dev/bench/measured"
)

const patience = time.Minute

type options struct {
	url, ca, cert, key, body, placeholder string
	first, writes, clients                int
	rate                                  float64
}

type result struct {
	Rate float64 `json:"rate"`
	P50  float64 `json:"p50_ms"`
	P99  float64 `json:"p99_ms"`
}

// write is one that is due; now, if it has no time.
type write struct {
	number int
	due    time.Time
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("writes: ")
	o := parse()
	client, body := newClient(o), newBody(o)
	connect(client, o)
	// At a rate nobody is told late of what is due, however long the answers take.
	due := make(chan write, queue(o))
	times := make([]time.Duration, o.writes)
	var group sync.WaitGroup
	began := time.Now()
	for range o.clients {
		group.Go(func() {
			for each := range due {
				number := fmt.Sprintf("%0*d", len(o.placeholder), o.first+each.number)
				if each.due.IsZero() {
					each.due = time.Now()
				}
				create(client, o.url, bytes.ReplaceAll(body, []byte(o.placeholder), []byte(number)))
				times[each.number] = time.Since(each.due)
			}
		})
	}
	pace(o, began, due)
	group.Wait()
	elapsed := time.Since(began)
	at := measured.Percentiles(times)
	summary := result{float64(o.writes) / elapsed.Seconds(), at(0.50), at(0.99)}
	measured.Check(json.NewEncoder(os.Stdout).Encode(summary))
}

func parse() (o options) {
	flag.StringVar(&o.url, "url", "", "where to POST")
	flag.StringVar(&o.ca, "ca", "", "certificates to trust, PEM")
	flag.StringVar(&o.cert, "cert", "", "the client's certificate, PEM")
	flag.StringVar(&o.key, "key", "", "its private key, PEM")
	flag.StringVar(&o.body, "body", "", "file with the object")
	flag.StringVar(&o.placeholder, "number", "", "what stands in it where each one's number is to be")
	flag.IntVar(&o.first, "first", 0, "the first number")
	flag.IntVar(&o.writes, "writes", 100, "how many")
	flag.IntVar(&o.clients, "clients", 32, "that share the writes of a rate")
	flag.Float64Var(&o.rate, "rate", 0, "writes a second; 0 for one client that waits for its answers")
	flag.Parse()
	if o.rate == 0 {
		o.clients = 1
	}
	if o.writes < 1 || o.clients < 1 || o.rate < 0 {
		log.Fatal("there must be writes and clients, and no rate below 0")
	}
	return o
}

// queue is how many writes may wait for a client.
func queue(o options) int {
	if o.rate == 0 {
		return 0
	}
	return o.writes
}

func newBody(o options) []byte {
	body, err := os.ReadFile(o.body)
	measured.Check(err)
	if o.placeholder == "" || !bytes.Contains(body, []byte(o.placeholder)) {
		log.Fatalf("%s: the number %q must stand in it", o.body, o.placeholder)
	}
	return body
}

func newClient(o options) *http.Client {
	pair, err := tls.LoadX509KeyPair(o.cert, o.key)
	measured.Check(err)
	// Without HTTP/2, which a transport of one's own must ask for: as many connections as there are clients.
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: measured.Roots(o.ca), Certificates: []tls.Certificate{pair}},
		MaxIdleConnsPerHost: o.clients,
	}
	return &http.Client{Transport: transport, Timeout: patience}
}

// connect lets each client have a connection before its first write is due.
func connect(client *http.Client, o options) {
	var group sync.WaitGroup
	for range o.clients {
		group.Go(func() {
			response, err := client.Get(o.url)
			measured.Check(err)
			_, err = io.Copy(io.Discard, response.Body)
			measured.Check(err)
			measured.Check(response.Body.Close())
			if response.StatusCode != http.StatusOK {
				log.Fatalf("GET: %s", response.Status)
			}
		})
	}
	group.Wait()
}

// pace tells of each write when it is due; without a rate, as soon as the client is free.
func pace(o options, began time.Time, due chan<- write) {
	defer close(due)
	for number := range o.writes {
		if o.rate == 0 {
			due <- write{number: number}
			continue
		}
		at := began.Add(time.Duration(float64(number) / o.rate * float64(time.Second)))
		time.Sleep(time.Until(at))
		due <- write{number, at}
	}
}

func create(client *http.Client, url string, body []byte) {
	response, err := client.Post(url, "application/json", bytes.NewReader(body))
	measured.Check(err)
	said, err := io.ReadAll(response.Body)
	measured.Check(err)
	measured.Check(response.Body.Close())
	if response.StatusCode != http.StatusCreated {
		log.Fatalf("%s: %s", response.Status, said)
	}
}

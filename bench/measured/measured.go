// Package measured holds what the load generators have in common.
package measured

import (
	"crypto/x509"
	"log"
	"os"
	"slices"
	"time"
)

// Roots reads the certificates to trust from a PEM file, or ends the program.
func Roots(file string) *x509.CertPool {
	pem, err := os.ReadFile(file)
	Check(err)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		log.Fatalf("%s: no certificate", file)
	}
	return pool
}

// Percentiles sorts times, of which there must be some, and returns what tells the time, in
// milliseconds, within which a share of them lies.
func Percentiles(times []time.Duration) func(share float64) float64 {
	slices.Sort(times)
	return func(share float64) float64 {
		return Milliseconds(times[int(share*float64(len(times)-1))])
	}
}

// Milliseconds returns a duration as a number of them.
func Milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Check ends the program at an error.
func Check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Noop is an admission webhook that does nothing: it decodes an AdmissionReview into the types of
// k8s.io/api, as webhooks in Go do, and allows. It is what bench/admission.py measures Portcullis
// against.
package main

import (
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/http"

	admission "k8s.io/api/admission/v1"
)

func main() {
	address := flag.String("address", "127.0.0.1:9443", "where to listen")
	cert := flag.String("cert", "", "certificate, PEM")
	key := flag.String("key", "", "private key, PEM")
	flag.Parse()
	http.HandleFunc("POST /validate", validate)
	log.Fatal(http.ListenAndServeTLS(*address, *cert, *key, nil))
}

func validate(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var review admission.AdmissionReview
	if err := json.Unmarshal(body, &review); err != nil || review.Request == nil {
		http.Error(w, "not an AdmissionReview", http.StatusBadRequest)
		return
	}
	answer, err := json.Marshal(admission.AdmissionReview{
		TypeMeta: review.TypeMeta,
		Response: &admission.AdmissionResponse{UID: review.Request.UID, Allowed: true},
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(answer); err != nil {
		log.Print(err)
	}
}

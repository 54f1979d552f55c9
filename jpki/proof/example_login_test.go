package proof_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// login logs in to a service with a card, and returns the service's answer.
func login(ctx context.Context, web *http.Client, service string, driver reader.Driver, ask jpki.AskPIN) (string, error) {
	found, err := reader.Wait(ctx, driver, "", jpki.Present) // blocks until a My Number Card is present
	if err != nil {
		return "", err
	}
	text, err := send(ctx, web, http.MethodGet, service+"/challenge", nil)
	if err != nil {
		return "", err
	}
	var challenge proof.Challenge
	if err := json.Unmarshal(text, &challenge); err != nil {
		return "", err
	}
	if challenge.Audience != service || challenge.Purpose != "login" { // else the evidence would be valid elsewhere
		return "", errors.New("the challenge is for something else")
	}
	evidence, err := jpki.ProveWith(ctx, driver.Connect, found.Name, ask, challenge)
	if err != nil {
		return "", err // a *credential.Error contains the attempts left
	}
	if text, err = json.Marshal(evidence); err != nil {
		return "", err
	}
	text, err = send(ctx, web, http.MethodPost, service+"/login", text)
	return string(text), err
}

// newService makes the service's handler. users derives the identifiers of those who log in.
func newService(service string, cas trust.Policy, users *mykey.Namespace) http.Handler {
	var mu sync.Mutex
	pending := map[proof.Challenge]bool{} // challenges that nobody has answered yet
	verifier := &proof.Verifier{Audience: service, Purpose: "login", Trust: cas, Once: func(_ context.Context, c proof.Challenge) error {
		mu.Lock()
		defer mu.Unlock()
		if !pending[c] {
			return proof.ErrUsed
		}
		delete(pending, c)
		return nil
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /challenge", func(w http.ResponseWriter, _ *http.Request) {
		c, err := proof.NewChallenge(service, "login", time.Now(), rand.Reader)
		if err != nil {
			http.Error(w, "no challenge", http.StatusInternalServerError)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		maps.DeleteFunc(pending, func(c proof.Challenge, _ bool) bool { return time.Since(c.Time) > proof.DefaultMaxAge })
		pending[c] = true
		_ = json.NewEncoder(w).Encode(c)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, proof.MaxEvidence))
		if err != nil {
			http.Error(w, "evidence not received", http.StatusBadRequest)
			return
		}
		evidence, err := proof.ParseEvidence(text)
		if err != nil {
			http.Error(w, "not evidence", http.StatusBadRequest)
			return
		}
		holder, err := verifier.Verify(r.Context(), evidence) // errors.Is tells the reasons apart
		if err != nil {
			http.Error(w, "login refused", http.StatusForbidden)
			return
		}
		id, err := users.Derive(holder)
		if err != nil {
			http.Error(w, "no identifier", http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, "Hello, ", id.Display()) // a real service starts a session here
	})
	return mux
}

// send sends a request and returns the answer's body.
func send(ctx context.Context, web *http.Client, method, url string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := web.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, 1<<20))
}

// A desktop program logs in to a service over HTTPS with the card. To use a real card, pass
// pcsc.New() as the driver, and let the service trust J-LIS: trust.Policy{Anchors:
// trust.JLIS(), Required: true}. Revocation is not checked.
func Example_login() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	driver := simulator.New()
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("example"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = driver.AddReader("Reader").Insert(card)

	key, err := mykey.ParseKey([]byte("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"))
	if err != nil {
		fmt.Println(err)
		return
	}
	users, err := mykey.NewNamespace("service.example", key)
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewUnstartedServer(nil)
	service := "https://" + server.Listener.Addr().String()
	server.Config.Handler = newService(service, trust.Policy{CAs: []*x509.Certificate{card.CACertificate()}, Required: true}, users)
	server.StartTLS()
	defer server.Close()

	ask := func(_ context.Context, ready jpki.Readiness) (jpki.PIN, error) {
		fmt.Println("PIN, please; attempts left:", ready.Remaining)
		return jpki.ParsePIN([]byte("1234")) // a real program reads it without echo
	}
	fmt.Println(login(ctx, server.Client(), service, driver, ask))
	// Output:
	// PIN, please; attempts left: 3
	// Hello, 1MEG-MP6J <nil>
}

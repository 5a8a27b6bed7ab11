// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/vicar-ha/vicar/checks"
)

// errNoCertificate is a file or a server that has none.
var errNoCertificate = errors.New("no certificate in it")

// tlsConfig is how a server on host (a name or an address, without a port) is
// trusted and what the client shows. The files are read here; a certificate
// that is renewed later is not seen until the check is made anew.
func tlsConfig(t checks.TLS, host string) (*tls.Config, error) {
	name := t.ServerName
	if name == "" {
		name = host
	}
	if a, err := netip.ParseAddr(name); err == nil {
		name = a.WithZone("").String() // certificates know no zones
	}
	roots, err := loadRoots(t.CA)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{ServerName: name, RootCAs: roots}
	if t.Certificate != "" || t.Key != "" {
		pair, err := tls.LoadX509KeyPair(t.Certificate, t.Key)
		if err != nil {
			return nil, fmt.Errorf("loading the client certificate %s with key %s: %w", t.Certificate, t.Key, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	// crypto/tls's own verification is replaced by the same one, in verify, so
	// that an expired certificate is said in words that help.
	cfg.InsecureSkipVerify = true
	v := verifier{name: name, roots: roots, insecure: t.Insecure, valid: t.Valid}
	cfg.VerifyConnection = func(cs tls.ConnectionState) error { return v.verify(cs.PeerCertificates, time.Now()) }
	return cfg, nil
}

// loadRoots reads the certificates of a file; nil without a file: the system's.
func loadRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the CA certificates: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the CA certificates: %s: %w", file, errNoCertificate)
	}
	return pool, nil
}

// verifier judges the certificates that a server shows.
type verifier struct {
	name     string // that the certificate must be for
	roots    *x509.CertPool
	insecure bool
	valid    time.Duration // that must remain
}

// verify judges a chain, the server's own certificate first. An insecure one is
// judged by its end only, and only if it must be valid for some time.
func (v *verifier) verify(chain []*x509.Certificate, now time.Time) error {
	if len(chain) == 0 {
		return fmt.Errorf("certificate of %s: the server shows none", v.name)
	}
	leaf := chain[0]
	if v.valid > 0 || !v.insecure {
		if err := v.verifyTime(leaf, now); err != nil {
			return err
		}
	}
	if v.insecure {
		return nil
	}
	others := x509.NewCertPool()
	for _, c := range chain[1:] {
		others.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: v.name, Roots: v.roots, Intermediates: others, CurrentTime: now})
	if err != nil {
		return fmt.Errorf("certificate of %s: %w", v.name, err)
	}
	return nil
}

// validityError is a certificate whose time is not now, or soon is over.
type validityError struct {
	name                string
	notBefore, notAfter time.Time
	now                 time.Time
	valid               time.Duration
}

func (e *validityError) Error() string {
	left := e.notAfter.Sub(e.now)
	switch {
	case e.now.Before(e.notBefore):
		return fmt.Sprintf("certificate of %s is not valid before %s", e.name, e.notBefore.UTC().Format(time.RFC3339))
	case left < 0:
		return fmt.Sprintf("certificate of %s expired %s ago", e.name, span(-left))
	default:
		return fmt.Sprintf("certificate of %s expires in %s, less than %s", e.name, span(left), hours(e.valid))
	}
}

func (v *verifier) verifyTime(leaf *x509.Certificate, now time.Time) error {
	if now.Before(leaf.NotBefore) || leaf.NotAfter.Sub(now) < max(v.valid, 0) {
		return &validityError{name: v.name, notBefore: leaf.NotBefore, notAfter: leaf.NotAfter, now: now, valid: v.valid}
	}
	return nil
}

// span is a time for people: in days from three on, in hours from two on.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 3*day:
		return strconv.Itoa(int(d/day)) + "d"
	case d >= 2*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	case d >= 2*time.Minute:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	default:
		return strconv.Itoa(int(d/time.Second)) + "s"
	}
}

// hours is a configured time as it was most likely written.
func hours(d time.Duration) string {
	if d%time.Hour == 0 {
		return strconv.Itoa(int(d/time.Hour)) + "h"
	}
	return d.String()
}

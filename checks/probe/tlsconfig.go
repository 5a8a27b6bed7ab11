// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/vicar-ha/vicar/checks"
)

// tlsConfig is how a server on host (a name or an address, without a port) is
// trusted and what the client shows. The files are read here, and again at a
// handshake if they have changed.
func tlsConfig(t checks.TLS, host string) (*tls.Config, *trust, error) {
	name := t.ServerName
	if name == "" {
		name = host
	}
	if a, err := netip.ParseAddr(name); err == nil {
		name = a.WithZone("").String() // certificates know no zones
	}
	files, err := newTrust(t)
	if err != nil {
		return nil, nil, err
	}
	// crypto/tls's own verification is replaced by the same one, in verify, so
	// that an expired certificate is said in words that help.
	cfg := &tls.Config{ServerName: name, InsecureSkipVerify: true}
	if t.Certificate != "" || t.Key != "" {
		cfg.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return suitable(r, files.currentPair()), nil
		}
	}
	cfg.VerifyConnection = func(cs tls.ConnectionState) error {
		v := verifier{name: name, roots: files.currentRoots(), insecure: t.Insecure, valid: t.Valid}
		return v.verify(cs.PeerCertificates, time.Now())
	}
	return cfg, files, nil
}

// suitable is a certificate that the server may like, or an empty one, which is
// to have none.
func suitable(r *tls.CertificateRequestInfo, c *tls.Certificate) *tls.Certificate {
	if c != nil && r.SupportsCertificate(c) == nil {
		return c
	}
	return new(tls.Certificate)
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

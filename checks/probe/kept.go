// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/tls"
	"time"

	"github.com/vicar-ha/vicar/checks"
)

// keptCertificate judges the certificate of a connection that is kept. The
// handshake judged it once; since then only the time has changed.
type keptCertificate struct{ verifier verifier }

// newKeptCertificate is for a server that is verified as name.
func newKeptCertificate(t checks.TLS, name string) *keptCertificate {
	return &keptCertificate{verifier{name: name, insecure: t.Insecure, valid: t.Valid}}
}

// stillValid looks at the end of the certificate.
func (k *keptCertificate) stillValid(state *tls.ConnectionState, now time.Time) error {
	if k.verifier.insecure && k.verifier.valid <= 0 || len(state.PeerCertificates) == 0 {
		return nil
	}
	return harmless(k.verifier.verifyTime(state.PeerCertificates[0], now))
}

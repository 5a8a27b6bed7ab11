// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/checks"
)

// A kept connection goes on being served by a server that nobody new can reach:
// one that listens no more, has no descriptors left, has moved to another
// address or shows another certificate. So it is kept for a time. At a look a
// second that makes nine looks of each connection, which costs hardly
// more than one that is kept for good.
const (
	keptAge   = 10 * time.Second
	keptLooks = 20
)

// tenure is how long a connection is kept.
type tenure struct {
	until time.Time
	looks int // that it has served
}

// newTenure begins now. It ends before keptAge at random: a thousand checks that
// connect in one second are not to do so again and again.
func newTenure() tenure {
	return tenure{until: time.Now().Add(keptAge - rand.N(keptAge/5))}
}

// over tells whether another connection is due.
func (t *tenure) over() bool { return t.looks >= keptLooks || !time.Now().Before(t.until) }

// carrier is the TCP connection below one that is kept. It is set where
// connections are made, which may be another goroutine.
type carrier struct {
	mu   sync.Mutex
	conn net.Conn
}

func (c *carrier) set(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = conn
}

// hasten makes a connection that is used again end by itself soon when the
// peer's kernel doesn't acknowledge what was sent: the peer has gone without a
// word, as in a power cut, and a new connection is tried in the rest of the look.
// A server that is only slow acknowledges at once, and is not asked twice. A new
// connection is not hastened, for there is nothing else to try.
//
// Linux waits for its second retransmission, which is 0.4 s, and then for the
// tenth of the look's time that is set here: of a second the half remains, of
// less than 0.5 s nothing.
func (c *carrier) hasten(ctx context.Context) {
	end, ok := ctx.Deadline()
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		limitUnacknowledged(c.conn, time.Until(end)/10)
	}
}

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

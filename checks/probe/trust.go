// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/vicar-ha/vicar/checks"
)

// errNoCertificate is a file or a server that has none.
var errNoCertificate = errors.New("no certificate in it")

// trust is the files that a check's TLS is made of. They are read again when
// they have changed, at a handshake. While that can't be done what was read
// before goes on being used: a file that is being replaced is no failure of the
// server's. The handshake that fails says so.
type trust struct {
	ca, certificate, key string // paths, or empty

	mu      sync.Mutex // handshakes are made in goroutines of others
	roots   *x509.CertPool
	pair    *tls.Certificate
	seen    [3]os.FileInfo // of ca, certificate and key when they were read
	trouble [2]error       // why roots and pair are those of before
}

// newTrust reads the files.
func newTrust(t checks.TLS) (*trust, error) {
	f := &trust{ca: t.CA, certificate: t.Certificate, key: t.Key}
	f.currentRoots()
	f.currentPair()
	for _, trouble := range f.trouble {
		if trouble != nil {
			return nil, trouble
		}
	}
	return f, nil
}

// currentRoots are whom to trust; nil is the system's.
func (f *trust) currentRoots() *x509.CertPool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ca != "" {
		f.trouble[0] = f.renew(f.seen[:1], []string{f.ca}, func() (err error) {
			f.roots, err = readRoots(f.ca, f.roots)
			return err
		})
	}
	return f.roots
}

// currentPair is the client's certificate, or nil.
func (f *trust) currentPair() *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.certificate != "" || f.key != "" {
		f.trouble[1] = f.renew(f.seen[1:], []string{f.certificate, f.key}, func() error {
			pair, err := tls.LoadX509KeyPair(f.certificate, f.key)
			if err != nil {
				return fmt.Errorf("loading the client certificate %s with key %s: %w", f.certificate, f.key, err)
			}
			f.pair = &pair
			return nil
		})
	}
	return f.pair
}

// renew reads files if one of them is not the one that was seen. They are looked
// at first, so that what changes while they are read is seen the next time.
func (f *trust) renew(seen []os.FileInfo, paths []string, read func() error) error {
	now, same := make([]os.FileInfo, len(paths)), true
	for i, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			same = false // reading says it better
			continue
		}
		now[i] = info
		same = same && seen[i] != nil && os.SameFile(info, seen[i]) &&
			info.Size() == seen[i].Size() && info.ModTime().Equal(seen[i].ModTime())
	}
	if same {
		return nil
	}
	if err := read(); err != nil {
		return err
	}
	copy(seen, now)
	return nil
}

// explain adds to an error of a connection that old files may be its cause. The
// server's word on the client's certificate may come after the handshake. f may
// be nil: no TLS.
func (f *trust) explain(err error) error {
	if f == nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, trouble := range f.trouble {
		if err != nil && trouble != nil {
			err = fmt.Errorf("%w (with what was read before: %w)", err, trouble)
		}
	}
	return err
}

// readRoots reads the certificates of a file; old is what there is if it fails.
func readRoots(file string, old *x509.CertPool) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return old, fmt.Errorf("reading the CA certificates: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return old, fmt.Errorf("reading the CA certificates: %s: %w", file, errNoCertificate)
	}
	return pool, nil
}

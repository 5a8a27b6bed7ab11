// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// put makes a file what another is, as those who renew certificates do: in one
// go, by its name.
func put(t *testing.T, file, from string) {
	t.Helper()
	b, err := os.ReadFile(from)
	labtest.OK(t, err)
	labtest.OK(t, os.WriteFile(file+".new", b, 0o600))
	labtest.OK(t, os.Rename(file+".new", file))
}

// A server whose authority and demands on clients change is trusted, and trusts,
// when the files have changed too, in each kind that has TLS.
func TestRenewedFiles(t *testing.T) {
	old, renewed := newAuthority(t), newAuthority(t)
	of := func(a *authority) *tls.Config {
		clients := x509.NewCertPool()
		clients.AddCert(a.cert)
		return &tls.Config{
			Certificates: []tls.Certificate{a.pair("server", day, "127.0.0.1")},
			ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: clients, NextProtos: []string{"h2", "http/1.1"},
		}
	}
	before, after := of(old), of(renewed)
	oldCert, oldKey := old.issue("client", -day, day, "node")
	newCert, newKey := renewed.issue("client", -day, day, "node")
	for _, kind := range []string{"tls", "http", "grpc"} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			files := checks.TLS{CA: filepath.Join(dir, "ca"), Certificate: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key")}
			put(t, files.CA, old.file)
			put(t, files.Certificate, oldCert)
			put(t, files.Key, oldKey)
			switched := false
			cfg := before.Clone()
			cfg.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
				if switched {
					return after, nil
				}
				return before, nil
			}
			var p checks.Probe
			switch kind {
			case "grpc":
				s := serveHealth(t, listenOn(t, nil, "127.0.0.1:0"), cfg, true)
				p = newProbe(t, checks.GRPC{Address: s.conns.Addr().String(), Secure: true, TLS: files, Fresh: true})
			case "http":
				p = newProbe(t, checks.HTTP{URL: newLocal(t, cfg, ok).URL, TLS: files, Fresh: true})
			default:
				p = newProbe(t, checks.Handshake{Address: newLocal(t, cfg, ok).Listener.Addr().String(), TLS: files})
			}
			want(t, lookFor(p, plenty), "")
			switched = true
			want(t, lookFor(p, plenty), "unknown authority")
			put(t, files.CA, renewed.file)
			put(t, files.Certificate, newCert) // and not its key
			err := lookFor(p, plenty)
			want(t, err, "(with what was read before: loading the client certificate ")
			put(t, files.Key, newKey)
			want(t, lookFor(p, plenty), "")
			labtest.OK(t, os.Remove(files.CA))
			labtest.OK(t, os.Remove(files.Key))
			want(t, lookFor(p, plenty), "")
			switched = false
			want(t, lookFor(p, plenty), "(with what was read before: reading the CA certificates: open ")
		})
	}
}

// Files that have not changed are read once.
func TestFilesAreReadOnce(t *testing.T) {
	a := newAuthority(t)
	f, err := newTrust(checks.TLS{CA: a.file})
	labtest.OK(t, err)
	first := f.currentRoots()
	if f.currentRoots() != first {
		t.Error("the file was read again")
	}
	later := time.Now().Add(time.Hour)
	labtest.OK(t, os.Chtimes(a.file, later, later))
	if f.currentRoots() == first {
		t.Error("the file was not read again")
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
)

const day = 24 * time.Hour

// authority issues certificates.
type authority struct {
	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // of its own certificate
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	template := &x509.Certificate{
		SerialNumber: serial(t), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-day), NotAfter: time.Now().Add(365 * day),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	var err error
	a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	labtest.OK(t, err)
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	labtest.OK(t, err)
	a.cert, err = x509.ParseCertificate(der)
	labtest.OK(t, err)
	a.file = a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func serial(t testing.TB) *big.Int {
	t.Helper()
	n, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	labtest.OK(t, err)
	return n
}

// issue makes a certificate for names and addresses, and its key, that is valid
// from and until some time from now.
func (a *authority) issue(name string, from, until time.Duration, hosts ...string) (cert, key string) {
	a.t.Helper()
	template := &x509.Certificate{
		SerialNumber: serial(a.t), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(until),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	labtest.OK(a.t, err)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, k.Public(), a.key)
	labtest.OK(a.t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(k)
	labtest.OK(a.t, err)
	return a.write(name+".pem", "CERTIFICATE", der), a.write(name+".key", "PRIVATE KEY", keyDER)
}

// pair is issue for a server in the test itself.
func (a *authority) pair(name string, until time.Duration, hosts ...string) tls.Certificate {
	a.t.Helper()
	cert, key := a.issue(name, -day, until, hosts...)
	pair, err := tls.LoadX509KeyPair(cert, key)
	labtest.OK(a.t, err)
	return pair
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	file := filepath.Join(a.dir, name)
	labtest.OK(a.t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return file
}

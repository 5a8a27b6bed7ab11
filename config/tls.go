// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/vicar-ha/vicar/checks"
)

// rawTLS are the keys of kinds that can use TLS.
type rawTLS struct {
	ServerName  hostName `yaml:"server_name" jsonschema_description:"The name that is sent (SNI) and that the certificate must be for. Default: the host's."`
	CA          absolute `yaml:"ca" jsonschema_description:"File with the certificates to trust (PEM). Default: the system's."`
	Certificate absolute `yaml:"certificate" jsonschema_description:"File with the certificate that the client shows (PEM). It needs key."`
	Key         absolute `yaml:"key" jsonschema_description:"File with the certificate's key (PEM)."`
	Insecure    boolean  `yaml:"insecure" jsonschema_description:"Whether any certificate is trusted. Default false."`
	Valid       validFor `yaml:"valid" jsonschema_description:"How long the certificate must at least go on being valid, as in 168h. 1s to 87600h. Default: it must be valid now."`
}

func (t *rawTLS) config() checks.TLS {
	return checks.TLS{
		ServerName: t.ServerName.v, CA: t.CA.v, Certificate: t.Certificate.v, Key: t.Key.v,
		Insecure: t.Insecure.v, Valid: t.Valid.v,
	}
}

// checkTLS checks the keys against each other, and refuses them where there is
// no TLS; remedy says how to have it.
func (r *reader) checkTLS(t *rawTLS, secure bool, remedy string) {
	if !secure {
		given := map[string]mark{
			"server_name": t.ServerName.mark, "ca": t.CA.mark, "certificate": t.Certificate.mark,
			"key": t.Key.mark, "insecure": t.Insecure.mark, "valid": t.Valid.mark,
		}
		for name, at := range given {
			if at.present() {
				r.bad(at, name+" is for TLS", remedy)
			}
		}
		return
	}
	switch {
	case t.Certificate.present() && !t.Key.present():
		r.bad(t.Certificate.mark, "certificate needs key", "add key: with the file of the certificate's key")
	case t.Key.present() && !t.Certificate.present():
		r.bad(t.Key.mark, "key needs certificate", "add certificate: with the file of the certificate")
	}
	if t.Insecure.v && t.CA.present() {
		r.bad(t.CA.mark, "insecure trusts any certificate", fmt.Sprintf("remove insecure on line %d, or ca", t.Insecure.line))
	}
}

// validFor is how long a certificate must go on.
type validFor struct{ duration }

func (v *validFor) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, time.Second, 87600*time.Hour)
}

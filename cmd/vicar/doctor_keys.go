// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/transport/gossip"
)

// diagnoseKeys looks whether the peer link's keys can be fetched, and whether the
// key file has them.
func diagnoseKeys(ctx context.Context, cfg *config.Config) ([]status.Finding, error) {
	if cfg.PeerLink == nil || cfg.PeerLink.KeysFrom == "" {
		return nil, nil
	}
	secret, err := keySecret(ctx, cfg)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, examineAWS)
	defer cancel()
	text, f := secret.Examine(ctx)
	found := []status.Finding{keysFinding(f)}
	if !f.OK {
		return found, nil
	}
	f = cloud.Finding{What: "a key file in " + cfg.PeerLink.KeysFrom, OK: true}
	file, err := gossip.ParseKeyFile(text)
	if err != nil {
		f = cloud.Finding{What: f.What, Problem: err.Error(), Remedy: "put a key file's text there, as vicar keygen -o - prints it"}
		return append(found, keysFinding(f)), nil
	}
	return append(found, keysFinding(f), keysFinding(sameKeys(cfg.PeerLink, file))), nil
}

// sameKeys looks whether the key file has the keys that could be fetched.
func sameKeys(link *config.PeerLink, fetched gossip.KeyFile) cloud.Finding {
	f := cloud.Finding{What: link.KeysFile, OK: true}
	wrong := func(problem, remedy string) cloud.Finding {
		return cloud.Finding{What: f.What, Problem: problem, Remedy: remedy}
	}
	const fetch = "vicar keygen --fetch"
	file, err := gossip.ReadKeyFile(link.KeysFile)
	_, open := errors.AsType[*gossip.AccessError](err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return wrong("it is not there", fetch)
	case errors.Is(err, fs.ErrPermission):
		return wrong(err.Error(), "run vicar doctor as root, or as the agent's user")
	case open:
		return wrong(err.Error(), "make it the agent's user's alone, and new keys if others may have read it")
	case err != nil:
		return wrong(err.Error(), fetch)
	case !slices.EqualFunc(file.Keys(), fetched.Keys(), bytes.Equal):
		return wrong("it has "+fingerprints(file.Keys())+", and "+link.KeysFrom+" "+fingerprints(fetched.Keys()),
			fetch+" && vicar reload, on every node before the next step of a change of keys")
	}
	return f
}

func keysFinding(f cloud.Finding) status.Finding {
	return finding("keys", "", f)
}

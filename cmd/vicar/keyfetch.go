// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/aws"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/transport/gossip"
)

const (
	// fetchPatience is how long it is tried to fetch keys, fetchAttempt one try. A
	// machine that has just started may have no network yet.
	fetchPatience = 30 * time.Second
	fetchAttempt  = 5 * time.Second
	// agentUser is whom the unit runs the agent as.
	agentUser = "vicar"
)

// fetchKeys writes the key file from what the configuration names. What is fetched
// and is no key file replaces nothing.
func (a *app) fetchKeys(ctx context.Context, file, node string) error {
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	if node != "" {
		if _, err := cfg.Self(config.Hints{Node: node}); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	link := cfg.PeerLink
	if link == nil || link.KeysFrom == "" {
		return invalid{fmt.Errorf("%s does not say from where: add keys_from to peer_link, the ARN of what has the keys", file)}
	}
	secret, err := keySecret(ctx, cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchPatience)
	defer cancel()
	var text string
	err = cloud.Retry(ctx, fetchAttempt, func(ctx context.Context) (err error) {
		text, err = secret.Read(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("fetching the peer link's keys: %w; vicar doctor tells more", err)
	}
	keys, err := gossip.ParseKeyFile(text)
	if err != nil {
		return invalid{fmt.Errorf("what %s has is not a key file, and %s stays as it is: %w", link.KeysFrom, link.KeysFile, err)}
	}
	uid, gid := keysOwner()
	wrote, err := replaceKeys(link.KeysFile, keys, uid, gid)
	switch {
	case err != nil:
		return err
	case !wrote:
		return a.print(fmt.Sprintf("%s has the keys of %s already: nothing was changed.\n", link.KeysFile, link.KeysFrom))
	}
	return a.print(fmt.Sprintf("Wrote %s from %s into %s.\nIf the agent is running: vicar reload\n",
		fingerprints(keys.Keys()), link.KeysFrom, link.KeysFile))
}

// keySecret is what the configuration has the keys fetched from.
func keySecret(ctx context.Context, cfg *config.Config) (*aws.Secret, error) {
	s, err := aws.New(ctx, sessionConfig(cfg, slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, fmt.Errorf("setting up AWS: %w", err)
	}
	return aws.NewSecret(s, cfg.PeerLink.KeysFrom)
}

// keysOwner is whom root gives a new key file to: the agent's user, if there is
// one. -1 is whoever runs this.
func keysOwner() (uid, gid int) {
	u, err := user.Lookup(agentUser)
	if err != nil || os.Geteuid() != 0 {
		return -1, -1
	}
	uid, uerr := strconv.Atoi(u.Uid)
	gid, gerr := strconv.Atoi(u.Gid)
	if uerr != nil || gerr != nil {
		return -1, -1
	}
	return uid, gid
}

// replaceKeys writes a key file, and tells whether that was needed. One that is
// there keeps its owner.
func replaceKeys(path string, keys gossip.KeyFile, uid, gid int) (wrote bool, err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	old, err := gossip.ReadKeyFile(path)
	if err == nil && old.String() == keys.String() {
		return false, nil
	}
	if err := keys.WriteAs(path, uid, gid); err != nil {
		if _, no := os.Stat(filepath.Dir(path)); errors.Is(no, fs.ErrNotExist) {
			return false, fmt.Errorf("there is no directory for %s: make it (mkdir -p -m 0750 %s)", path, filepath.Dir(path))
		}
		return false, err
	}
	return true, nil
}

// fingerprints are keys as they may be shown.
func fingerprints(keys [][]byte) string {
	var names []string
	for _, k := range keys {
		names = append(names, gossip.Fingerprint(k))
	}
	if len(names) == 1 {
		return "the key " + names[0]
	}
	return "the keys " + strings.Join(names, ", ")
}

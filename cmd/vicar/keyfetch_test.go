// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/transport/gossip"
)

const (
	keysARN   = "arn:aws:ssm:eu-central-1:111122223333:parameter/vicar/keys"
	keysKMS   = "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"
	keysRoles = `{"Version": "2012-10-17", "Statement": []}`
)

// vault is a region that keeps keys, and a node's configuration.
type vault struct {
	*awsfake.World
	t          *testing.T
	file, keys string // paths
}

// newVault has a role that may do what vicar doctor --policy prints.
func newVault(t *testing.T, value string) *vault {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	cfg := awsfake.Cluster(1, 1)
	cfg.Secrets = []awsfake.Secret{{ARN: keysARN, Value: value, Key: keysKMS}}
	w, err := awsfake.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	services, metadata := httptest.NewServer(w), httptest.NewServer(w.IMDS(awsfake.ClusterNode(1)))
	t.Cleanup(func() { services.Close(); metadata.Close(); w.Close() })
	dir := t.TempDir()
	v := &vault{World: w, t: t, file: filepath.Join(dir, "vicar.yaml"), keys: filepath.Join(dir, "keys")}
	v.write(fmt.Sprintf(`cluster: web
nodes: {lb-1: {address: 192.0.2.11}, lb-2: {address: 192.0.2.12}}
peer_link: {keys_file: %s, keys_from: %q, keys_kms: %q}
routers: {web: {vrid: 51, interface: eth0, addresses: [192.0.2.100/24]}}
aws: {region: eu-central-1, endpoints: {ssm: %q, imds: %q}}
`, v.keys, keysARN, keysKMS, services.URL, metadata.URL))
	v.allow(v.vicar("doctor", "--policy").stdout)
	return v
}

func (v *vault) write(text string) {
	v.t.Helper()
	if err := os.WriteFile(v.file, []byte(text), 0o600); err != nil {
		v.t.Fatal(err)
	}
}

func (v *vault) allow(policy string) {
	v.t.Helper()
	if err := v.SetPolicy(awsfake.ClusterRole, policy); err != nil {
		v.t.Fatal(err)
	}
}

func (v *vault) put(value string) {
	v.t.Helper()
	if err := v.SetSecret(keysARN, value); err != nil {
		v.t.Fatal(err)
	}
}

func (v *vault) vicar(args ...string) outcome {
	v.t.Helper()
	return vicar(v.t.Context(), append(args, "-c", v.file)...)
}

// shows compares what a command says with a golden file.
func (v *vault) shows(name string, got outcome) {
	v.t.Helper()
	text := got.hide(v.file, "FILE", v.keys, "KEYS").String()
	golden(v.t, name+".txt", regexp.MustCompile(`(\S) {2,}`).ReplaceAllString(text, "$1  ")) // columns are as wide as the names
}

// Two keys, of which tests may show the fingerprints.
var (
	firstKey  = strings.Repeat("AAAA", 10) + "AA8="
	secondKey = strings.Repeat("AAAA", 10) + "AB8="
)

// TestKeygenFetch changes a key by what the cloud keeps.
func TestKeygenFetch(t *testing.T) {
	v := newVault(t, firstKey+"\n")
	v.shows("keygen-fetch", v.vicar("keygen", "--fetch"))
	info, err := os.Stat(v.keys)
	if err != nil || info.Mode() != 0o600 || len(keysOf(t, v.keys)) != 1 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	v.shows("keygen-fetch-again", v.vicar("keygen", "--fetch", "--node", "lb-2"))
	v.put("# Two of them.\n" + firstKey + "\n" + secondKey + " # next")
	v.shows("keygen-fetch-two", v.vicar("keygen", "--fetch"))
	if text, err := os.ReadFile(v.keys); err != nil || string(text) != "# Two of them.\n"+firstKey+"\n"+secondKey+" # next\n" {
		t.Errorf("the file has %q, %v", text, err)
	}
	// A file that others can read is made right, though the keys are the same.
	if err := os.Chmod(v.keys, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := v.vicar("keygen", "--fetch"); got.code != exitOK || !strings.HasPrefix(got.stdout, "Wrote") {
		t.Errorf("a file that others can read: %v", got)
	}
	if info, err := os.Stat(v.keys); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(v.keys)); err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestKeygenFetchRefuses: what can't be fetched, or is no key file, leaves the file
// as it is, and is not shown.
func TestKeygenFetchRefuses(t *testing.T) {
	v := newVault(t, "hush, this is no key")
	v.shows("keygen-fetch-bad", v.vicar("keygen", "--fetch"))
	if _, err := os.Stat(v.keys); !os.IsNotExist(err) {
		t.Errorf("a file was written: %v", err)
	}
	v.put(firstKey)
	if got := v.vicar("keygen", "--fetch"); got.code != exitOK {
		t.Fatal(got)
	}
	before := keysOf(t, v.keys)
	for _, value := range []string{"", "# nothing", "hush", firstKey + "\n" + firstKey, `{"key": "` + secondKey + `"}`} {
		v.put(value)
		got := v.vicar("keygen", "--fetch")
		if got.code != exitConfig || !strings.Contains(got.stderr, "stays as it is") || strings.Contains(got.String(), "hush") || strings.Contains(got.String(), secondKey) {
			t.Errorf("%q is answered with %v", value, got)
		}
	}
	v.put(secondKey)
	v.allow(keysRoles)
	v.shows("keygen-fetch-denied", v.vicar("keygen", "--fetch"))
	if after := keysOf(t, v.keys); after[0] != before[0] {
		t.Error("the file has changed")
	}
	text, err := os.ReadFile(v.file)
	if err != nil {
		t.Fatal(err)
	}
	v.write(strings.Replace(string(text), "keys_from: "+fmt.Sprintf("%q", keysARN)+", keys_kms: "+fmt.Sprintf("%q", keysKMS), "port: 7946", 1))
	v.shows("keygen-fetch-whence", v.vicar("keygen", "--fetch"))
	if got := v.vicar("doctor", "--policy"); got.code == exitOK && strings.Contains(got.stdout, "GetParameter") {
		t.Errorf("a policy for keys from nowhere: %v", got)
	}
	v.write(strings.Replace(string(text), v.keys, filepath.Join(v.keys, "keys"), 1))
	v.put(firstKey)
	v.allow(v.vicar("doctor", "--policy").stdout)
	if got := v.vicar("keygen", "--fetch"); got.code != exitFailure {
		t.Errorf("into a file that is a directory: %v", got)
	}
	for name, args := range map[string][]string{
		"with out":       {"keygen", "--fetch", "-o", "keys"},
		"with rotate":    {"keygen", "--fetch", "--rotate", "keys"},
		"config without": {"keygen", "-c", "vicar.yaml"},
		"node without":   {"keygen", "--node", "lb-1"},
	} {
		if got := vicar(t.Context(), args...); got.code != exitUsage || !strings.Contains(got.stderr, "--fetch") {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := v.vicar("keygen", "--fetch", "--node", "lb-9"); got.code == exitOK || !strings.Contains(got.stderr, "lb-9") {
		t.Errorf("no such node: %v", got)
	}
}

// TestKeygenFetchWaits: a machine that has just started may have no network yet.
func TestKeygenFetchWaits(t *testing.T) {
	v := newVault(t, firstKey)
	v.Inject(awsfake.Fault{Service: "ssm", Times: 2, Effect: awsfake.Refuse})
	v.Inject(awsfake.Fault{Service: "ssm", Times: 1, Effect: awsfake.Fail, Code: "ThrottlingException", Status: 400})
	if got := v.vicar("keygen", "--fetch"); got.code != exitOK || len(keysOf(t, v.keys)) != 1 {
		t.Errorf("got %v", got)
	}
}

// TestReplaceKeys gives a new file to the agent's user, and no other.
func TestReplaceKeys(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	keys, err := gossip.NewKeyFile(firstKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path, link := filepath.Join(dir, "keys"), filepath.Join(dir, "link")
	other, err := gossip.NewKeyFile(secondKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, uid := range []int{990, 991, 992} {
		wrote, err := replaceKeys(path, keys, uid, uid)
		if err != nil || wrote != (uid != 991) {
			t.Fatalf("for %d: %t, %v", uid, wrote, err)
		}
		if info, err := os.Stat(path); err != nil || info.Sys().(*syscall.Stat_t).Uid != 990 {
			t.Errorf("for %d: %v, %v", uid, info.Sys(), err)
		}
		if uid == 991 {
			keys = other
		}
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	third, err := gossip.NewKeyFile(gossip.GenerateKey())
	if err != nil {
		t.Fatal(err)
	}
	if wrote, err := replaceKeys(link, third, 990, 990); err != nil || !wrote {
		t.Errorf("by a link: %t, %v", wrote, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link was replaced: %v", err)
	}
	if file, err := gossip.ReadKeyFile(path); err != nil || file.String() != third.String() {
		t.Errorf("by a link: %v", err)
	}
	if _, err := replaceKeys(filepath.Join(dir, "none", "keys"), keys, -1, -1); err == nil || !strings.Contains(err.Error(), "mkdir") {
		t.Errorf("into no directory: %v", err)
	}
}

// TestDoctorKeys: doctor says what is to be done about keys.
func TestDoctorKeys(t *testing.T) {
	v := newVault(t, firstKey)
	doctor := func() outcome { return v.vicar("doctor", "--node", "lb-1") }
	v.shows("doctor-keys-missing", doctor())
	if got := v.vicar("keygen", "--fetch"); got.code != exitOK {
		t.Fatal(got)
	}
	v.shows("doctor-keys", doctor())
	v.put(firstKey + "\n" + secondKey)
	v.shows("doctor-keys-other", doctor())
	v.put("hush")
	v.shows("doctor-keys-bad", doctor())
	if err := os.WriteFile(v.keys, []byte("hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	v.put(firstKey)
	if got := doctor(); got.code != exitFailure || !strings.Contains(got.stdout, "vicar keygen --fetch") || strings.Contains(got.String(), "hush") {
		t.Errorf("a file that is none: %v", got)
	}
	var whole struct{ Statement []json.RawMessage }
	if err := json.Unmarshal([]byte(v.vicar("doctor", "--policy").stdout), &whole); err != nil || len(whole.Statement) != 2 {
		t.Fatalf("%d statements, %v", len(whole.Statement), err)
	}
	for n, name := range []string{"doctor-keys-locked", "doctor-keys-denied"} {
		v.allow(`{"Version": "2012-10-17", "Statement": [` + string(whole.Statement[n]) + `]}`)
		v.shows(name, doctor())
	}
}

// TestDoctorPolicyOffline: the policy is that of the file, and of nothing else.
func TestDoctorPolicyOffline(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	c, err := config.Load("../../config/testdata/cloud.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got := vicar(t.Context(), "doctor", "--policy", "-c", "../../config/testdata/cloud.yaml")
	golden(t, "doctor-policy.txt", got.String())
	for range 20 {
		if again := uses(c).Policy().JSON(); !strings.HasPrefix(got.stdout, again) {
			t.Fatalf("it is another at the next time:\n%s", again)
		}
	}
	none := vicar(t.Context(), "doctor", "--policy", "-c", "testdata/good.yaml")
	if none.code != exitFailure || !strings.Contains(none.stderr, "needs no policy") {
		t.Errorf("without AWS: %v", none)
	}
}

// TestNoFetchedKeys wants an agent without a key file to say how it is fetched.
func TestNoFetchedKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if _, err := linkKeys(&config.PeerLink{KeysFile: path, KeysFrom: keysARN}); err == nil || !strings.Contains(err.Error(), "vicar keygen --fetch") {
		t.Errorf("got %v", err)
	}
	if err := createKeys(path); err != nil {
		t.Fatal(err)
	}
	if keys, err := linkKeys(&config.PeerLink{KeysFile: path, KeysFrom: keysARN}); err != nil || len(keys) != 1 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
}

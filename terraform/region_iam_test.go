// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package terraform

import (
	"fmt"
	"net/url"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
)

func iamActions() map[string]does {
	return map[string]does{
		"CreateRole":               createRole,
		"GetRole":                  func(r *region, a ask) (string, error) { return r.roleItem(a.Get("RoleName")) },
		"PutRolePolicy":            putRolePolicy,
		"GetRolePolicy":            getRolePolicy,
		"ListRolePolicies":         listRolePolicies,
		"AttachRolePolicy":         attachRolePolicy,
		"ListAttachedRolePolicies": listAttached,
		"CreateInstanceProfile":    createProfile,
		"AddRoleToInstanceProfile": addRole,
		"GetInstanceProfile":       func(r *region, a ask) (string, error) { return r.profileItem(a.Get("InstanceProfileName")) },
	}
}

const made = "2026-01-01T00:00:00Z"

// none is the answer for what is not there.
func none(kind, name string) error {
	return fault{"NoSuchEntity", fmt.Sprintf("The %s with name %s cannot be found.", kind, name)}
}

// members are tags as IAM and others have them.
func (a ask) members() string {
	var items []string
	for n := 1; a.Has(fmt.Sprintf("Tags.member.%d.Key", n)); n++ {
		items = append(items, in("member", is("Key", a.Get(fmt.Sprintf("Tags.member.%d.Key", n))), is("Value", a.Get(fmt.Sprintf("Tags.member.%d.Value", n)))))
	}
	return in("Tags", items...)
}

// createRole makes a role that may do nothing yet.
func createRole(r *region, a ask) (string, error) {
	name := a.Get("RoleName")
	if err := r.AddRole(awsfake.Role{Name: name, Account: account}); err != nil {
		return "", fault{"EntityAlreadyExists", err.Error()}
	}
	r.roles[name] = a.Values
	return r.roleItem(name)
}

func (r *region) roleItem(name string) (string, error) {
	v, ok := r.roles[name]
	if !ok {
		return "", none("role", name)
	}
	boundary := ""
	if arn := v.Get("PermissionsBoundary"); arn != "" {
		boundary = in("PermissionsBoundary", is("PermissionsBoundaryType", "Policy"), is("PermissionsBoundaryArn", arn))
	}
	return in("Role", is("RoleName", name), is("RoleId", "AROA"+name), is("Arn", "arn:aws:iam::"+account+":role/"+name), is("Path", "/"), is("CreateDate", made),
		is("Description", v.Get("Description")), is("MaxSessionDuration", "3600"), is("AssumeRolePolicyDocument", url.QueryEscape(v.Get("AssumeRolePolicyDocument"))),
		boundary, ask{v}.members()), nil
}

// putRolePolicy gives a role its policy, by which awsfake decides from then on. It has
// one at most here.
func putRolePolicy(r *region, a ask) (string, error) {
	name := a.Get("RoleName")
	if _, ok := r.roles[name]; !ok {
		return "", none("role", name)
	}
	if err := r.SetPolicy(name, a.Get("PolicyDocument")); err != nil {
		return "", fault{"MalformedPolicyDocument", err.Error()}
	}
	r.inline[name] = a.Values
	return "", nil
}

func getRolePolicy(r *region, a ask) (string, error) {
	v, ok := r.inline[a.Get("RoleName")]
	if !ok || v.Get("PolicyName") != a.Get("PolicyName") {
		return "", none("role policy", a.Get("PolicyName"))
	}
	return is("RoleName", v.Get("RoleName")) + is("PolicyName", v.Get("PolicyName")) + is("PolicyDocument", url.QueryEscape(v.Get("PolicyDocument"))), nil
}

func listRolePolicies(r *region, a ask) (string, error) {
	return in("PolicyNames", is("member", r.inline[a.Get("RoleName")].Get("PolicyName"))) + is("IsTruncated", "false"), nil
}

func attachRolePolicy(r *region, a ask) (string, error) {
	r.attached[a.Get("RoleName")] = append(r.attached[a.Get("RoleName")], a.Get("PolicyArn"))
	return "", nil
}

func listAttached(r *region, a ask) (string, error) {
	var items []string
	for _, arn := range r.attached[a.Get("RoleName")] {
		items = append(items, in("member", is("PolicyArn", arn), is("PolicyName", arn)))
	}
	return in("AttachedPolicies", items...) + is("IsTruncated", "false"), nil
}

func profileARN(name string) string { return "arn:aws:iam::" + account + ":instance-profile/" + name }

func createProfile(r *region, a ask) (string, error) {
	r.profiles[a.Get("InstanceProfileName")] = a.Values
	return r.profileItem(a.Get("InstanceProfileName"))
}

func addRole(r *region, a ask) (string, error) {
	name := a.Get("InstanceProfileName")
	if _, ok := r.roles[a.Get("RoleName")]; !ok {
		return "", none("role", a.Get("RoleName"))
	}
	r.members[profileARN(name)] = a.Get("RoleName")
	return "", nil
}

func (r *region) profileItem(name string) (string, error) {
	v, ok := r.profiles[name]
	if !ok {
		return "", none("instance profile", name)
	}
	role := ""
	if member := r.members[profileARN(name)]; member != "" {
		var err error
		if role, err = r.roleItem(member); err != nil {
			return "", err
		}
		role = in("member", role[len("<Role>"):len(role)-len("</Role>")])
	}
	return in("InstanceProfile", is("InstanceProfileName", name), is("InstanceProfileId", "AIPA"+name), is("Arn", profileARN(name)), is("Path", "/"), is("CreateDate", made),
		in("Roles", role), ask{v}.members()), nil
}

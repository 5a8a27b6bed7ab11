// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package terraform

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
)

// server is an instance that was run, without an auto scaling group.
type server struct {
	ask    ask
	volume string
	tags   map[string]string // of the volume
}

func instanceActions() map[string]does {
	return map[string]does{
		"RunInstances":              runInstance,
		"DescribeInstanceAttribute": describeAttribute,
		"DescribeVolumes":           describeVolumes,
		"CreateTags":                createTags,
		"DescribeImages": func(_ *region, a ask) (string, error) {
			return in("imagesSet", in("item", is("imageId", a.Get("ImageId.1")), is("imageState", "available"), is("rootDeviceName", rootDevice), is("rootDeviceType", "ebs"),
				in("blockDeviceMapping", in("item", is("deviceName", rootDevice), in("ebs", is("volumeSize", "8")))))), nil
		},
		"DescribeTags": func(*region, ask) (string, error) { return in("tagSet"), nil },
		"DescribeInstanceCreditSpecifications": func(_ *region, a ask) (string, error) {
			return in("instanceCreditSpecificationSet", in("item", is("instanceId", a.Get("InstanceId.1")), is("cpuCredits", "unlimited"))), nil
		},
	}
}

// runInstance starts an instance with an interface that is there.
func runInstance(r *region, a ask) (string, error) {
	hops, err := strconv.Atoi(cmp.Or(a.Get("MetadataOptions.HttpPutResponseHopLimit"), "1"))
	if err != nil {
		return "", err
	}
	profile := a.Get("IamInstanceProfile.Name")
	role, ok := r.members[profileARN(profile)]
	if !ok {
		return "", fault{"InvalidParameterValue", fmt.Sprintf("Value (%s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", profile)}
	}
	tags := map[string]string{}
	for n := 1; a.Has(fmt.Sprintf("TagSpecification.1.Tag.%d.Key", n)); n++ {
		tags[a.Get(fmt.Sprintf("TagSpecification.1.Tag.%d.Key", n))] = a.Get(fmt.Sprintf("TagSpecification.1.Tag.%d.Value", n))
	}
	id, err := r.Launch(awsfake.Instance{
		Type: a.Get("InstanceType"), Role: role, Profile: profile, HopLimit: hops, OptionalTokens: a.Get("MetadataOptions.HttpTokens") != "required", Tags: tags,
	}, a.Get("NetworkInterface.1.NetworkInterfaceId"))
	if err != nil {
		return "", fault{"InvalidParameterValue", err.Error()}
	}
	r.servers[id] = &server{ask: a, volume: r.id("vol"), tags: map[string]string{}}
	return in("instancesSet", in("item", is("instanceId", id))), nil
}

const rootDevice = "/dev/xvda"

// more adds to a description of instances by awsfake what that doesn't know.
func (r *region) more(description string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, s := range r.servers {
		own := is("instanceId", id)
		known := "<instancesSet><item>" + own
		description = strings.Replace(description, known, known+is("imageId", s.ask.Get("ImageId"))+is("rootDeviceName", rootDevice)+is("rootDeviceType", "ebs")+
			is("keyName", s.ask.Get("KeyName"))+in("monitoring", is("state", "disabled"))+is("ebsOptimized", "false")+
			in("blockDeviceMapping", in("item", is("deviceName", rootDevice), in("ebs", is("volumeId", s.volume), is("status", "attached"), is("deleteOnTermination", "true")))), 1)
	}
	return description
}

func describeAttribute(r *region, a ask) (string, error) {
	s, ok := r.servers[a.Get("InstanceId")]
	if !ok {
		return "", fault{"InvalidInstanceID.NotFound", "The instance ID '" + a.Get("InstanceId") + "' does not exist"}
	}
	name := a.Get("Attribute")
	value := map[string]string{
		"instanceInitiatedShutdownBehavior": "stop", "disableApiStop": "false", "disableApiTermination": "false", "userData": s.ask.Get("UserData"),
	}[name]
	return is("instanceId", a.Get("InstanceId")) + in(name, is("value", value)), nil
}

func describeVolumes(r *region, a ask) (string, error) {
	var items []string
	for _, wanted := range a.wanted("VolumeId", nil) {
		for _, id := range sorted(r.servers) {
			s := r.servers[id]
			if wanted != s.volume && wanted != id {
				continue
			}
			var tags []string
			for _, k := range sorted(s.tags) {
				tags = append(tags, in("item", is("key", k), is("value", s.tags[k])))
			}
			items = append(items, in("item", is("volumeId", s.volume), is("volumeType", s.ask.Get("BlockDeviceMapping.1.Ebs.VolumeType")),
				is("encrypted", s.ask.Get("BlockDeviceMapping.1.Ebs.Encrypted")), is("size", "8"), is("iops", "3000"), is("throughput", "125"), is("status", "in-use"),
				in("attachmentSet", in("item", is("volumeId", s.volume), is("instanceId", id), is("device", rootDevice), is("status", "attached"))), in("tagSet", tags...)))
		}
	}
	return in("volumeSet", items...), nil
}

// createTags gives tags to volumes; what else there is gets its tags when it is made.
func createTags(r *region, a ask) (string, error) {
	for _, wanted := range a.list("ResourceId") {
		found := false
		for _, s := range r.servers {
			if s.volume != wanted {
				continue
			}
			found = true
			for n := 1; a.Has(fmt.Sprintf("Tag.%d.Key", n)); n++ {
				s.tags[a.Get(fmt.Sprintf("Tag.%d.Key", n))] = a.Get(fmt.Sprintf("Tag.%d.Value", n))
			}
		}
		if !found {
			return "", fault{"InvalidID", "The ID '" + wanted + "' is not valid"}
		}
	}
	return is("return", "true"), nil
}

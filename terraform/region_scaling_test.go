// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package terraform

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
)

const templateData = "LaunchTemplateData."

func templateActions() map[string]does {
	return map[string]does{
		"CreateLaunchTemplate":           createTemplate,
		"DescribeLaunchTemplates":        describeTemplates,
		"DescribeLaunchTemplateVersions": describeVersions,
	}
}

func createTemplate(r *region, a ask) (string, error) {
	// As AWS: "Network interfaces and an instance-level security groups may not be specified on the same request"
	if a.Has(templateData+"SecurityGroupId.1") && a.Has(templateData+"NetworkInterface.1.DeviceIndex") {
		return "", fault{"InvalidParameterCombination", "Network interfaces and an instance-level security groups may not be specified on the same request"}
	}
	id := r.id("lt")
	r.templates[id] = a.Values
	return in("launchTemplate", r.templateItem(id)), nil
}

func (r *region) templateItem(id string) string {
	made := ask{r.templates[id]}
	return is("launchTemplateId", id) + is("launchTemplateName", made.Get("LaunchTemplateName")) + is("defaultVersionNumber", "1") + is("latestVersionNumber", "1") +
		is("createTime", "2026-01-01T00:00:00Z") + is("createdBy", "arn:aws:iam::"+account+":user/terraform") + made.tags("TagSpecification.1.Tag")
}

func (r *region) template(id string) error {
	if _, ok := r.templates[id]; !ok {
		return fault{"InvalidLaunchTemplateId.NotFound", "The specified launch template, with template ID " + id + ", does not exist."}
	}
	return nil
}

func describeTemplates(r *region, a ask) (string, error) {
	ids, names := a.list("LaunchTemplateId"), a.list("LaunchTemplateName")
	var items []string
	for _, id := range sorted(r.templates) {
		if slices.Contains(ids, id) || slices.Contains(names, r.templates[id].Get("LaunchTemplateName")) {
			items = append(items, in("item", r.templateItem(id)))
		}
	}
	if len(items) != len(ids)+len(names) {
		return "", r.template("")
	}
	return in("launchTemplates", items...), nil
}

func describeVersions(r *region, a ask) (string, error) {
	id := a.Get("LaunchTemplateId")
	if err := r.template(id); err != nil {
		return "", err
	}
	made := ask{r.templates[id]}
	get := func(name string) string { return made.Get(templateData + name) }
	var specifications []string
	for n := 1; made.Has(fmt.Sprintf("%sTagSpecification.%d.ResourceType", templateData, n)); n++ {
		key := fmt.Sprintf("%sTagSpecification.%d", templateData, n)
		specifications = append(specifications, in("item", is("resourceType", made.Get(key+".ResourceType")), made.tags(key+".Tag")))
	}
	data := in("launchTemplateData", is("imageId", get("ImageId")), is("instanceType", get("InstanceType")), is("keyName", get("KeyName")), is("userData", get("UserData")),
		in("iamInstanceProfile", is("arn", get("IamInstanceProfile.Arn"))),
		in("networkInterfaceSet", in("item", is("deviceIndex", get("NetworkInterface.1.DeviceIndex")), is("networkInterfaceId", get("NetworkInterface.1.NetworkInterfaceId")),
			is("deleteOnTermination", get("NetworkInterface.1.DeleteOnTermination")), in("groupSet"), in("privateIpAddressesSet"), in("ipv6AddressesSet"))),
		in("metadataOptions", is("httpEndpoint", get("MetadataOptions.HttpEndpoint")), is("httpTokens", get("MetadataOptions.HttpTokens")),
			is("httpPutResponseHopLimit", get("MetadataOptions.HttpPutResponseHopLimit"))),
		in("blockDeviceMappingSet", in("item", is("deviceName", get("BlockDeviceMapping.1.DeviceName")),
			in("ebs", is("encrypted", get("BlockDeviceMapping.1.Ebs.Encrypted")), is("volumeType", get("BlockDeviceMapping.1.Ebs.VolumeType"))))),
		in("tagSpecificationSet", specifications...))
	return in("launchTemplateVersionSet", in("item", is("launchTemplateId", id), is("launchTemplateName", made.Get("LaunchTemplateName")), is("versionNumber", "1"),
		is("defaultVersion", "true"), is("versionDescription", made.Get("VersionDescription")), is("createTime", "2026-01-01T00:00:00Z"), data)), nil
}

// scaling is a group of one instance.
type scaling struct {
	ask      ask
	template string
	instance string
}

func scalingActions() map[string]does {
	return map[string]does{
		"CreateAutoScalingGroup":    createScaling,
		"DescribeAutoScalingGroups": describeScaling,
		"DescribeScalingActivities": func(*region, ask) (string, error) { return in("Activities"), nil },
	}
}

// createScaling makes a group and launches its instance.
func createScaling(r *region, a ask) (string, error) {
	name, template := a.Get("AutoScalingGroupName"), a.Get("LaunchTemplate.LaunchTemplateId")
	if err := r.template(template); err != nil {
		return "", err
	}
	for _, size := range []string{"MinSize", "MaxSize", "DesiredCapacity"} {
		if a.Get(size) != "1" {
			return "", fault{"ValidationError", "the region's groups have one instance each, not " + size + " " + a.Get(size)}
		}
	}
	if a.Has("VPCZoneIdentifier") || !a.Has("AvailabilityZones.member.1") {
		return "", fault{"ValidationError", "You cannot specify subnets for a launch template whose network interface exists."}
	}
	g := &scaling{ask: a, template: template}
	if err := r.launch(g); err != nil {
		return "", fault{"ValidationError", err.Error()}
	}
	r.scaling[name] = g
	return "", nil
}

// launch starts a group's instance in its slot.
func (r *region) launch(g *scaling) error {
	t := r.templates[g.template]
	hops, err := strconv.Atoi(t.Get(templateData + "MetadataOptions.HttpPutResponseHopLimit"))
	if err != nil {
		return fmt.Errorf("launching by %s: %w", g.template, err)
	}
	profile := t.Get(templateData + "IamInstanceProfile.Arn")
	role, ok := r.members[profile]
	if !ok {
		return fmt.Errorf("Value (%s) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN", profile)
	}
	g.instance, err = r.Launch(awsfake.Instance{
		Type: t.Get(templateData + "InstanceType"), Role: role, Profile: profile[strings.LastIndex(profile, "/")+1:], HopLimit: hops, OptionalTokens: t.Get(templateData+"MetadataOptions.HttpTokens") != "required",
	}, t.Get(templateData+"NetworkInterface.1.NetworkInterfaceId"))
	return err
}

// replace ends the instance in a slot, and its group launches the next one.
func (r *region) replace(t *testing.T, eni string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range r.scaling {
		if r.templates[g.template].Get(templateData+"NetworkInterface.1.NetworkInterfaceId") != eni {
			continue
		}
		if err := errors.Join(r.SetState(g.instance, awsfake.Terminated), r.launch(g)); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no group has %s", eni)
}

func describeScaling(r *region, a ask) (string, error) {
	var items []string
	for _, name := range a.list("AutoScalingGroupNames.member") {
		g, ok := r.scaling[name]
		if !ok {
			continue
		}
		get := g.ask.Get
		zone := get("AvailabilityZones.member.1")
		var tags []string
		for n := 1; g.ask.Has(fmt.Sprintf("Tags.member.%d.Key", n)); n++ {
			key := fmt.Sprintf("Tags.member.%d.", n)
			tags = append(tags, in("member", is("Key", get(key+"Key")), is("Value", get(key+"Value")), is("PropagateAtLaunch", get(key+"PropagateAtLaunch")),
				is("ResourceId", name), is("ResourceType", "auto-scaling-group")))
		}
		template := in("LaunchTemplate", is("LaunchTemplateId", g.template), is("LaunchTemplateName", r.templates[g.template].Get("LaunchTemplateName")), is("Version", get("LaunchTemplate.Version")))
		items = append(items, in("member", is("AutoScalingGroupName", name), is("AutoScalingGroupARN", "arn:aws:autoscaling:eu-central-1:"+account+":autoScalingGroup:0:autoScalingGroupName/"+name),
			is("MinSize", "1"), is("MaxSize", "1"), is("DesiredCapacity", "1"), is("DefaultCooldown", cmp.Or(get("DefaultCooldown"), "300")),
			in("AvailabilityZones", is("member", zone)), is("HealthCheckType", get("HealthCheckType")), is("HealthCheckGracePeriod", get("HealthCheckGracePeriod")),
			is("CreatedTime", "2026-01-01T00:00:00Z"), is("NewInstancesProtectedFromScaleIn", "false"), in("TerminationPolicies", is("member", "Default")), template,
			in("InstanceMaintenancePolicy", is("MinHealthyPercentage", get("InstanceMaintenancePolicy.MinHealthyPercentage")),
				is("MaxHealthyPercentage", get("InstanceMaintenancePolicy.MaxHealthyPercentage"))),
			in("CapacityReservationSpecification", is("CapacityReservationPreference", "default")), in("AvailabilityZoneDistribution", is("CapacityDistributionStrategy", "balanced-best-effort")),
			is("ServiceLinkedRoleARN", "arn:aws:iam::"+account+":role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"),
			in("Tags", tags...),
			in("Instances", in("member", is("InstanceId", g.instance), is("AvailabilityZone", zone), is("LifecycleState", "InService"), is("HealthStatus", "Healthy"),
				is("ProtectedFromScaleIn", "false"), template))))
	}
	return in("AutoScalingGroups", items...), nil
}

# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

locals {
  machines = { for name, n in var.nodes : name => {
    image   = coalesce(n.ami_id, var.ami_id)
    type    = coalesce(n.instance_type, n.witness ? var.witness_instance_type : var.instance_type)
    profile = aws_iam_instance_profile.this[n.witness ? "witness" : "node"]
    tags    = merge(local.tags, { Name = "${var.name}-${name}" })
  } }
}

resource "aws_instance" "node" {
  for_each = var.auto_scaling ? {} : local.machines

  ami                  = each.value.image
  instance_type        = each.value.type
  key_name             = var.key_name
  iam_instance_profile = each.value.profile.name
  user_data_base64     = base64encode(local.user_data[each.key])
  tags                 = each.value.tags

  primary_network_interface {
    network_interface_id = aws_network_interface.slot[each.key].id
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = var.metadata_hop_limit
  }

  root_block_device {
    encrypted   = true
    volume_type = "gp3"
    tags        = each.value.tags
  }

  lifecycle {
    # A changed configuration or image must not stop both nodes in one apply: nodes
    # are replaced one after the other, with -replace. The source/destination check
    # is the slot's: the provider takes it for the instance's own, which is on.
    ignore_changes = [ami, user_data, user_data_base64, source_dest_check]
  }

  # The node fetches its key and looks at the table when it starts.
  depends_on = [aws_iam_role_policy.vicar, aws_eip.own, aws_vpc_endpoint.interface, aws_vpc_endpoint.gateway, aws_vpc_security_group_egress_rule.all]
}

resource "aws_launch_template" "node" {
  for_each = var.auto_scaling ? local.machines : {}

  name_prefix            = "${var.name}-${each.key}-"
  description            = "vicar ${var.name}: ${each.key}"
  image_id               = each.value.image
  instance_type          = each.value.type
  key_name               = var.key_name
  user_data              = base64encode(local.user_data[each.key])
  update_default_version = true
  tags                   = local.tags

  iam_instance_profile {
    arn = each.value.profile.arn
  }

  # An interface that is there already brings its own security groups.
  network_interfaces {
    device_index          = 0
    network_interface_id  = aws_network_interface.slot[each.key].id
    delete_on_termination = false
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = var.metadata_hop_limit
  }

  block_device_mappings {
    device_name = var.root_device_name
    ebs {
      encrypted   = true
      volume_type = "gp3"
    }
  }

  dynamic "tag_specifications" {
    for_each = ["instance", "volume"]
    content {
      resource_type = tag_specifications.value
      tags          = each.value.tags
    }
  }
}

# One group of one instance for each slot. It names the zone and no subnet: only so
# may its instances have an interface that exists. The old instance ends before the
# next one starts, since both want that interface.
resource "aws_autoscaling_group" "node" {
  for_each = var.auto_scaling ? local.machines : {}

  name_prefix               = "${var.name}-${each.key}-"
  min_size                  = 1
  max_size                  = 1
  desired_capacity          = 1
  availability_zones        = [local.subnet_of[each.key].availability_zone]
  health_check_type         = "EC2"
  health_check_grace_period = 60
  wait_for_capacity_timeout = var.wait_for_capacity_timeout

  launch_template {
    id      = aws_launch_template.node[each.key].id
    version = "$Latest"
  }

  instance_maintenance_policy {
    min_healthy_percentage = 0
    max_healthy_percentage = 100
  }

  dynamic "tag" {
    for_each = each.value.tags
    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = false # the template tags its instances
    }
  }

  lifecycle {
    # A new slot's interface can't be made before the old one is gone, and that is
    # not while an instance has it.
    replace_triggered_by = [terraform_data.slot[each.key]]
  }

  depends_on = [aws_iam_role_policy.vicar, aws_eip.own, aws_vpc_endpoint.interface, aws_vpc_endpoint.gateway, aws_vpc_security_group_egress_rule.all]
}

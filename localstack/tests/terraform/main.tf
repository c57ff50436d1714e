# Every load-balancing resource that the aws provider knows for ALBs, with what they need. `changed` names the settings
# that are altered in place.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" { type = string }
variable "account" { type = string }
variable "changed" {
  type    = set(string)
  default = []
}
variable "ca_file" { type = string }
variable "crl_file" { type = string }
variable "certificate_file" { type = string }
variable "key_file" { type = string }

provider "aws" {
  region                      = "eu-west-1"
  access_key                  = var.account
  secret_key                  = "test"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  endpoints {
    acm     = var.endpoint
    ec2     = var.endpoint
    elbv2   = var.endpoint
    iam     = var.endpoint
    route53 = var.endpoint
    s3      = var.endpoint
    sts     = var.endpoint
  }
}

resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "zone" {
  for_each          = { a = 1, b = 2, c = 3 }
  vpc_id            = aws_vpc.main.id
  availability_zone = "eu-west-1${each.key}"
  cidr_block        = "10.0.${each.value}.0/24"
}

resource "aws_security_group" "lb" {
  name   = "lb"
  vpc_id = aws_vpc.main.id
}

resource "aws_s3_bucket" "logs" {
  bucket        = "logs-${var.account}"
  force_destroy = true
}

resource "aws_s3_object" "ca" {
  bucket = aws_s3_bucket.logs.id
  key    = "ca.pem"
  source = var.ca_file
}

resource "aws_s3_object" "crl" {
  bucket = aws_s3_bucket.logs.id
  key    = "crl.pem"
  source = var.crl_file
}

resource "aws_lb_trust_store" "clients" {
  name                             = "clients"
  ca_certificates_bundle_s3_bucket = aws_s3_bucket.logs.id
  ca_certificates_bundle_s3_key    = aws_s3_object.ca.key
}

resource "aws_lb_trust_store_revocation" "clients" {
  trust_store_arn       = aws_lb_trust_store.clients.arn
  revocations_s3_bucket = aws_s3_bucket.logs.id
  revocations_s3_key    = aws_s3_object.crl.key
}

resource "aws_route53_zone" "main" {
  name = "example.com"
}

resource "aws_acm_certificate" "requested" {
  domain_name               = "www.example.com"
  subject_alternative_names = ["api.example.com"]
  validation_method         = "DNS"
  lifecycle { create_before_destroy = true }
}

resource "aws_route53_record" "proof" {
  for_each = { for o in aws_acm_certificate.requested.domain_validation_options : o.domain_name => o }
  zone_id  = aws_route53_zone.main.zone_id
  name     = each.value.resource_record_name
  type     = each.value.resource_record_type
  records  = [each.value.resource_record_value]
  ttl      = 60
}

resource "aws_acm_certificate_validation" "requested" {
  certificate_arn         = aws_acm_certificate.requested.arn
  validation_record_fqdns = [for record in aws_route53_record.proof : record.fqdn]
}

resource "aws_acm_certificate" "imported" {
  certificate_body = file(var.certificate_file)
  private_key      = file(var.key_file)
}

resource "aws_lb" "web" {
  name                       = "web"
  load_balancer_type         = "application"
  subnets                    = [for key in(contains(var.changed, "subnets") ? ["a", "b", "c"] : ["a", "b"]) : aws_subnet.zone[key].id]
  security_groups            = [aws_security_group.lb.id]
  idle_timeout               = contains(var.changed, "web.idle_timeout") ? 120 : 60
  client_keep_alive          = contains(var.changed, "web.client_keep_alive") ? 600 : 3600
  enable_http2               = !contains(var.changed, "web.enable_http2")
  drop_invalid_header_fields = contains(var.changed, "web.drop_invalid_header_fields")
  desync_mitigation_mode     = contains(var.changed, "web.desync_mitigation_mode") ? "strictest" : "defensive"
  xff_header_processing_mode = contains(var.changed, "web.xff_header_processing_mode") ? "preserve" : "append"
  preserve_host_header       = contains(var.changed, "web.preserve_host_header")
  access_logs {
    bucket  = aws_s3_bucket.logs.id
    prefix  = "alb"
    enabled = contains(var.changed, "web.access_logs")
  }
  minimum_load_balancer_capacity {
    capacity_units = contains(var.changed, "web.capacity_units") ? 300 : 200
  }
  tags = { stage = contains(var.changed, "tags") ? "changed" : "first" }
}

resource "aws_lb_target_group" "app" {
  name                          = "app"
  port                          = 8000
  protocol                      = "HTTP"
  target_type                   = "ip"
  vpc_id                        = aws_vpc.main.id
  deregistration_delay          = contains(var.changed, "app.deregistration_delay") ? 15 : 30
  slow_start                    = contains(var.changed, "app.slow_start") ? 0 : 30
  load_balancing_algorithm_type = contains(var.changed, "app.load_balancing_algorithm_type") ? "least_outstanding_requests" : "round_robin"
  health_check {
    path                = contains(var.changed, "app.path") ? "/api/health/" : "/"
    matcher             = contains(var.changed, "app.matcher") ? "200-299" : "200"
    interval            = contains(var.changed, "app.interval") ? 10 : 30
    timeout             = 5
    healthy_threshold   = 3
    unhealthy_threshold = contains(var.changed, "app.unhealthy_threshold") ? 3 : 2
  }
  stickiness {
    type            = "lb_cookie"
    cookie_duration = contains(var.changed, "app.cookie_duration") ? 600 : 86400
    enabled         = true
  }
}

resource "aws_lb_target_group" "grpc" {
  name             = "grpc"
  port             = 9000
  protocol         = "HTTP"
  protocol_version = "GRPC"
  target_type      = "ip"
  vpc_id           = aws_vpc.main.id
}

resource "aws_lb_target_group" "function" {
  name        = "function"
  target_type = "lambda"
}

resource "aws_lb_target_group_attachment" "app" {
  for_each         = toset(["10.0.1.10", "10.0.2.10"])
  target_group_arn = aws_lb_target_group.app.arn
  target_id        = each.value
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.web.arn
  port              = 80
  protocol          = "HTTP"
  default_action {
    type = "redirect"
    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn                                            = aws_lb.web.arn
  port                                                         = 443
  protocol                                                     = "HTTPS"
  ssl_policy                                                   = contains(var.changed, "https.ssl_policy") ? "ELBSecurityPolicy-TLS13-1-2-Res-2021-06" : "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn                                              = aws_acm_certificate_validation.requested.certificate_arn
  routing_http_response_server_enabled                         = !contains(var.changed, "https.routing_http_response_server_enabled")
  routing_http_response_strict_transport_security_header_value = contains(var.changed, "https.routing_http_response_strict_transport_security_header_value") ? "max-age=60" : "max-age=31536000"
  mutual_authentication {
    mode            = "verify"
    trust_store_arn = aws_lb_trust_store.clients.arn
  }
  default_action {
    type = "forward"
    forward {
      target_group {
        arn    = aws_lb_target_group.app.arn
        weight = contains(var.changed, "https.weight") ? 90 : 100
      }
      target_group {
        arn    = aws_lb_target_group.grpc.arn
        weight = contains(var.changed, "https.weight") ? 10 : 0
      }
      stickiness {
        enabled  = true
        duration = 600
      }
    }
  }
}

resource "aws_lb_listener_certificate" "imported" {
  listener_arn    = aws_lb_listener.https.arn
  certificate_arn = aws_acm_certificate.imported.arn
}

resource "aws_lb_listener_rule" "forward" {
  listener_arn = aws_lb_listener.https.arn
  priority     = contains(var.changed, "forward.priority") ? 15 : 10
  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.app.arn
  }
  condition {
    host_header { values = ["api.example.com"] }
  }
  condition {
    path_pattern { values = contains(var.changed, "forward.path_pattern") ? ["/v2/*", "/v3/*"] : ["/v1/*"] }
  }
  condition {
    http_header {
      http_header_name = "X-Env"
      values           = ["prod"]
    }
  }
}

resource "aws_lb_listener_rule" "sign_in" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 20
  action {
    type = "authenticate-oidc"
    authenticate_oidc {
      authorization_endpoint = "https://idp.example/auth"
      client_id              = "id"
      client_secret          = "secret"
      issuer                 = "https://idp.example"
      token_endpoint         = "https://idp.example/token"
      user_info_endpoint     = "https://idp.example/me"
    }
  }
  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.app.arn
  }
  condition {
    query_string {
      key   = "signin"
      value = "1"
    }
  }
}

resource "aws_lb_listener_rule" "fixed" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 30
  action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      message_body = contains(var.changed, "fixed.message_body") ? "closed" : "later"
      status_code  = "503"
    }
  }
  condition {
    source_ip { values = ["192.0.2.0/24"] }
  }
  condition {
    http_request_method { values = ["PUT"] }
  }
}

resource "aws_lb_listener_rule" "function" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 40
  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.function.arn
  }
  condition {
    path_pattern { values = ["/function"] }
  }
}

data "aws_lb" "web" {
  arn = aws_lb.web.arn
}

data "aws_lb_target_group" "app" {
  arn = aws_lb_target_group.app.arn
}

data "aws_lb_listener" "https" {
  arn = aws_lb_listener.https.arn
}

output "dns_name" {
  value = data.aws_lb.web.dns_name
}

//! Terraform's own estate under no502: after our apply Terraform still plans "No changes".
//!
//! Needs `terraform` and the aws provider, from a filesystem mirror that `TF_PLUGIN_MIRROR` names or from wherever
//! Terraform's own configuration says. Without them the test says loudly that it did not run.

use std::path::Path;
use std::process::{Command, Output};

use crate::localstack::stack::named_network;
use crate::support::account::{Account, REGION};
use crate::support::localstack::endpoint;

/// What the README tells people who use both.
const IGNORE: &str = r#"ignore_tags { key_prefixes = ["no502:"] }"#;

const ESTATE: &str = r#"
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  region                      = "REGION"
  access_key                  = "ACCOUNT"
  secret_key                  = "test"
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_credentials_validation = true
  endpoints {
    ec2   = "ENDPOINT"
    elbv2 = "ENDPOINT"
    sts   = "ENDPOINT"
  }
  IGNORE
}
data "aws_vpc" "main" { tags = { Name = "main" } }
data "aws_subnets" "public" { tags = { tier = "public" } }
resource "aws_security_group" "front" {
  name   = "front"
  vpc_id = data.aws_vpc.main.id
}
resource "aws_vpc_security_group_ingress_rule" "http" {
  security_group_id = aws_security_group.front.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 80
}
resource "aws_lb_target_group" "app" {
  name                 = "app"
  port                 = 8000
  protocol             = "HTTP"
  target_type          = "ip"
  vpc_id               = data.aws_vpc.main.id
  deregistration_delay = 30
  health_check { path = "/health" }
}
resource "aws_lb" "web" {
  name               = "web"
  subnets            = data.aws_subnets.public.ids
  security_groups    = [aws_security_group.front.id]
  idle_timeout       = 50
}
resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.web.arn
  port              = 80
  protocol          = "HTTP"
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.app.arn
  }
}
resource "aws_lb_listener_rule" "api" {
  listener_arn = aws_lb_listener.http.arn
  priority     = 10
  condition {
    path_pattern { values = ["/api/*"] }
  }
  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.app.arn
  }
}
"#;

struct Terraform<'a> {
    folder: &'a Path,
}

impl Terraform<'_> {
    fn run(&self, args: &[&str]) -> Option<Output> {
        let mut command = Command::new("terraform");
        command.args(args).arg("-no-color").current_dir(self.folder).env("TF_IN_AUTOMATION", "1");
        for name in std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("AWS_")) {
            command.env_remove(name);
        }
        if let Some(mirror) = std::env::var_os("TF_PLUGIN_MIRROR") {
            let mirror = mirror.display();
            let file = self.folder.join("cli.tfrc");
            let text = format!("provider_installation {{\n  filesystem_mirror {{ path = \"{mirror}\" }}\n}}\n");
            std::fs::write(&file, text).unwrap();
            command.env("TF_CLI_CONFIG_FILE", file);
        }
        command.output().ok()
    }

    /// Whether there is a Terraform with the provider; what else is wrong is a fault of this test.
    fn is_at_hand(&self) -> bool {
        let Some(output) = self.run(&["init", "-input=false"]) else { return false };
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        let no_provider = said.contains("provider packages") || said.contains("provider package");
        assert!(output.status.success() || no_provider, "{said}");
        output.status.success()
    }

    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args).unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "terraform {args:?}\n{text}");
        text
    }

    #[track_caller]
    fn has_no_changes(&self) {
        let plan = self.ok(&["plan", "-input=false", "-detailed-exitcode"]);
        assert!(plan.contains("No changes"), "{plan}");
    }
}

#[test]
fn terraform_still_plans_no_changes() {
    let account = Account::new();
    named_network(&account);
    account.write(
        "terraform/main.tf",
        ESTATE
            .replace("REGION", REGION)
            .replace("ACCOUNT", &account.id)
            .replace("ENDPOINT", endpoint())
            .replace("IGNORE", IGNORE),
    );
    let folder = account.path().join("terraform");
    let terraform = Terraform { folder: &folder };
    if !terraform.is_at_hand() {
        // straight to the terminal, past the harness that hides what a passing test prints
        let said = "\nNOT RUN: terraform_still_plans_no_changes: terraform or its aws provider cannot be had (TF_PLUGIN_MIRROR)\n";
        std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
        return;
    }
    terraform.ok(&["apply", "-input=false", "-auto-approve"]);
    terraform.has_no_changes();

    // no502 takes the same estate under its wing, and adds a rule and an attribute of its own
    account.run(&["export", "--all", "--stack", "shop", "--out", "web.yaml"]).exits(0);
    let plan = account.run(&["plan", "web.yaml", "--detailed-exitcode"]).exits(0);
    assert!(plan.stdout.contains("No differences") || plan.code == 0, "{}", plan.all());
    account.run(&["adopt", "web.yaml", "--yes"]).exits(0);
    terraform.has_no_changes();
    let file = std::fs::read_to_string(account.path().join("web.yaml")).unwrap();
    let more = file.replacen(
        "        rules:\n",
        "        rules:\n          mine: { priority: 20, when: { path: /mine/* }, fixed_response: { status: 200 } }\n",
        1,
    );
    assert_ne!(file, more, "{file}");
    account.write("web.yaml", more);
    account.run(&["apply", "web.yaml", "--yes"]).exits(0);
    account.run(&["plan", "web.yaml", "--detailed-exitcode"]).exits(0);
    terraform.has_no_changes();
}

# `make check` is the gate: what .ci/run runs and what every commit passes.
.PHONY: check fmt lint test doc guards report label bench

check: fmt lint test doc guards

fmt:
	cargo fmt --all --check

lint:
	cargo clippy --workspace --all-targets -- -D warnings

test:
	cargo test --workspace

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Layers: app -> study -> learn -> engine, and never back; each knows only its own business.
guards:
	! cargo tree -p fewlabel-engine -e normal --depth 1 | grep -E ' (serde_json|image|npyz|zip|toml|clap) v'
	! cargo tree -p fewlabel-learn -e normal --depth 1 | grep -E ' (clap|indicatif|axum|ureq|toml) v'
	! cargo tree -p fewlabel-study -e normal --depth 1 | grep -E ' (clap|indicatif|axum|ureq) v'

report:
	cargo run --release -- report fewlabel-out

bench:
	cargo run --release -- bench train
	cargo run --release -- bench infer

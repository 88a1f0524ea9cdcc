# `make demo` and `make test` do all the set-up themselves: a virtual environment in .venv, everything installed into it.

PYTHON ?= python3
BIN := .venv/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo check test test-fast lint bench api training-data weights ablation gpu-pack clean

demo: .venv/.installed
	$(BIN)/p3mvideo demo demo

# What the build server runs: formatter, linter, types, all tests.
check: lint test

# Two processes; more of them on a machine with more cores and memory (about 2 GB each).
TESTS_AT_ONCE ?= 2
# In the order of the folders, not of the number of tests in a file: those that take minutes, few to a file, would all come last.
# Compiled modules are kept: a hundred processes that the tests start read them.
PYTEST = env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --numprocesses $(TESTS_AT_ONCE) --dist loadfile --no-loadscope-reorder --max-worker-restart 0

test: .venv/.installed-dev
	$(PYTEST)

# Without the tests that take more than a few seconds.
test-fast: .venv/.installed-dev
	$(PYTEST) -m "not slow"

# The program has to run on systems that no test runs on: what is missing in their standard libraries is found at least.
lint: .venv/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --no-warn-unreachable --cache-dir .mypy_cache/win32 p3mvideo
	$(BIN)/mypy --platform darwin --no-warn-unreachable --cache-dir .mypy_cache/darwin p3mvideo

# The reference of the Python API, from its docstrings.
api: .venv/.installed-dev
	$(BIN)/griffe2md p3mvideo --output docs/api.md
	$(BIN)/ruff format --quiet docs/api.md

bench: .venv/.installed
	$(BIN)/p3mvideo bench

# The shipped networks again, see weights/MODEL_CARD.md. PORTRAITS holds train/ and val/ with original_image/ and mask/, DONORS the names of
# those whose faces may be pasted, BACKGROUNDS images without people, PRETRAINED timm's MobileNetV2. What is done already is not done again.
RUNS ?= runs
DATA = $(RUNS)/data
TRAIN = $(BIN)/p3mvideo train --data $(DATA) --backgrounds $(BACKGROUNDS) --faces $(DATA)/train/faces --share house_=0.07 --share ccp_=0.5 --resume
# Where PORTRAITS also holds rendered people, names syn_...: RENDERED="--share syn_=0.25".
LIGHT = $(TRAIN) --variant p3mnet-mobilenetv2-light --frozen 3 --batch 16 --moving 0.25 --hard 0.2 --covers 0.1 --uses 4 $(RENDERED)
LAST = --size 384 --ema 0.99 --hard 0.35 --covers 0.15 --backgrounds $(RUNS)/draped
# Large batches: minutes on a GPU, hours on two cores.
LARGE = --size 384 --steps 640 --batch 64 --seed 80001 --lr 2e-3 --warmup 100 --share ccp_=0.42 --moving 0.25 --hard 0.2
SHIP = $(BIN)/p3mvideo weights ship --licence MIT --source "make weights"

training-data: .venv/.installed
	@test -n "$(PORTRAITS)" -a -n "$(DONORS)" -a -n "$(BACKGROUNDS)" -a -n "$(PRETRAINED)" || \
		{ echo "make weights|ablation PORTRAITS=folder DONORS=names.txt BACKGROUNDS=folder PRETRAINED=mobilenetv2_100.safetensors"; exit 2; }
	$(BIN)/p3mvideo dataset anonymize $(PORTRAITS)/train $(DATA)/train --donors $(DONORS)
	$(BIN)/p3mvideo dataset anonymize $(PORTRAITS)/val $(DATA)/val --keep-without-face
	@for part in original_image human_mask; do \
		test ! -d $(PORTRAITS)/val/$$part || ln -sfn $(abspath $(PORTRAITS))/val/$$part $(DATA)/val/$$part; done

weights: training-data
	$(TRAIN) -o $(RUNS)/1 --steps 1000 --batch 12 --size 256 --seed 10007 --pretrained $(PRETRAINED)
	$(TRAIN) -o $(RUNS)/2 --steps 1200 --batch 8 --size 384 --seed 20008 --lr 1e-3 --initial $(RUNS)/1/last.pt
	$(TRAIN) -o $(RUNS)/3 --steps 700 --batch 8 --size 384 --seed 30011 --lr 1e-3 --backbone-lr 2.5e-4 --warmup 60 --ema 0.998 --initial $(RUNS)/2/last.pt
	$(TRAIN) -o $(RUNS)/4 --steps 350 --batch 8 --size 384 --seed 30012 --lr 6e-4 --backbone-lr 1.5e-4 --warmup 10 --ema 0.99 --initial $(RUNS)/3/last.pt
	$(SHIP) $(RUNS)/4/last.pt $(RUNS)/mean.safetensors --mean-with $(RUNS)/2/last.pt
	$(TRAIN) -o $(RUNS)/5 --steps 700 --batch 8 --size 384 --seed 50001 --lr 8e-4 --warmup 40 --ema 0.997 --initial $(RUNS)/mean.safetensors
	$(SHIP) $(RUNS)/5/last.pt $(RUNS)/mean5.safetensors --mean-with $(RUNS)/mean.safetensors --mean-with $(RUNS)/mean.safetensors
	$(TRAIN) -o $(RUNS)/6 --steps 1900 --batch 8 --size 384 --seed 60001 --lr 6e-4 --warmup 60 --ema 0.998 --share ccp_=0.4 --moving 0.3 --initial $(RUNS)/mean5.safetensors
	$(SHIP) $(RUNS)/6/last.pt $(RUNS)/mean6.safetensors --mean-with $(RUNS)/mean5.safetensors --mean-with $(RUNS)/mean5.safetensors
	$(TRAIN) -o $(RUNS)/7 --initial $(RUNS)/mean6.safetensors $(LARGE)
	$(SHIP) $(RUNS)/7/last.pt $(RUNS)/p3mnet-mobilenetv2.safetensors --mean-with $(RUNS)/7/last.pt --mean-with $(RUNS)/7/last.pt \
		--mean-with $(RUNS)/mean6.safetensors --mean-with $(RUNS)/mean6.safetensors
	$(LIGHT) -o $(RUNS)/l1 --steps 1850 --size 384 --seed 10210 --lr 7e-4 --backbone-lr 1.5e-4 --warmup 40 --ema 0.998 --initial $(RUNS)/p3mnet-mobilenetv2.safetensors
	$(LIGHT) -o $(RUNS)/l2 --steps 3900 --size 256 --seed 10220 --lr 7e-4 --backbone-lr 1.5e-4 --schedule constant --warmup 40 --ema 0.998 --initial $(RUNS)/l1/last.pt
	$(LIGHT) -o $(RUNS)/l3 --steps 170 --size 384 --seed 10230 --lr 6e-4 --backbone-lr 1.5e-4 --warmup 10 --ema 0.99 --initial $(RUNS)/l2/last.pt
	$(LIGHT) -o $(RUNS)/l4 --steps 900 --size 384 --seed 10310 --lr 6e-4 --backbone-lr 1.5e-4 --warmup 10 --ema 0.99 --initial $(RUNS)/l3/last.pt
	$(SHIP) $(RUNS)/l4/last.pt $(RUNS)/light4.safetensors --mean-with $(RUNS)/l3/last.pt
	$(LIGHT) -o $(RUNS)/l5 --steps 480 --size 384 --seed 20411 --lr 5e-4 --backbone-lr 1.2e-4 --warmup 10 --ema 0.99 --initial $(RUNS)/light4.safetensors
	$(SHIP) $(RUNS)/l5/last.pt $(RUNS)/light5.safetensors --mean-with $(RUNS)/light4.safetensors
	$(BIN)/p3mvideo dataset drape $(BACKGROUNDS) $(RUNS)/draped --count 400
	ln -sf $(abspath $(BACKGROUNDS))/* $(RUNS)/draped/
	$(LIGHT) -o $(RUNS)/l6 --steps 900 --size 384 --seed 30511 --lr 5e-4 --backbone-lr 1.2e-4 --warmup 10 --ema 0.99 --hard 0.3 --backgrounds $(RUNS)/draped --initial $(RUNS)/light5.safetensors
	$(SHIP) $(RUNS)/l6/last.pt $(RUNS)/light6.safetensors --mean-with $(RUNS)/light5.safetensors
	$(LIGHT) $(LAST) -o $(RUNS)/l7 --steps 350 --schedule constant --seed 40611 --lr 7e-4 --backbone-lr 2e-4 --warmup 20 --initial $(RUNS)/light6.safetensors
	$(LIGHT) $(LAST) -o $(RUNS)/l8 --steps 150 --schedule constant --seed 40612 --lr 6e-4 --backbone-lr 1.7e-4 --warmup 15 --initial $(RUNS)/l7/last.pt
	$(LIGHT) $(LAST) -o $(RUNS)/l9 --steps 340 --seed 40613 --lr 5.5e-4 --backbone-lr 1.5e-4 --warmup 10 --initial $(RUNS)/l8/last.pt
	$(SHIP) $(RUNS)/l9/last.pt $(RUNS)/p3mnet-mobilenetv2-light.safetensors --mean-with $(RUNS)/light6.safetensors --mean-with $(RUNS)/light6.safetensors

# The material in parts for a machine with a GPU, see docs/gpu.md; MORE holds further --data and --backgrounds.
gpu-pack: training-data
	$(BIN)/p3mvideo gpu pack $(RUNS)/pack --data $(DATA)/train --backgrounds $(BACKGROUNDS) --faces $(DATA)/train/faces $(MORE)

# What P3M-CP is worth: short trainings that differ in nothing else, several seeds each, scored on blurred portraits and on portraits as taken.
# Mean and spread go into the model card.
SEEDS ?= 70001 70002 70003
LEVELS = off image feature both
ABLATION ?= --steps 400 --batch 12 --size 256
ablation: training-data
	for seed in $(SEEDS); do for cp in $(LEVELS); do \
		$(TRAIN) -o $(RUNS)/cp-$$cp-$$seed $(ABLATION) --seed $$seed --pretrained $(PRETRAINED) --cp $$cp && \
		$(SHIP) $(RUNS)/cp-$$cp-$$seed/last.pt $(RUNS)/cp-$$cp-$$seed.safetensors || exit 1; done; done
	$(BIN)/p3mvideo evaluate --data $(DATA) --split val --protocol ppt --metric sad --metric mad --metric iou --metric mad_face --output $(RUNS)/ablation \
		$(foreach seed,$(SEEDS),$(foreach cp,$(LEVELS),--model $(RUNS)/cp-$(cp)-$(seed).safetensors))
	$(BIN)/python -m benchmarks.ablation $(RUNS)/ablation --card weights/MODEL_CARD.md

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml | .venv/bin/python
	$(INSTALL) --editable .
	touch $@

.venv/.installed-dev: pyproject.toml | .venv/bin/python
	$(INSTALL) --editable '.[dev]'
	touch $@ .venv/.installed

clean:
	rm -rf .venv demo

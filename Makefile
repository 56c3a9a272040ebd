# Two commands do everything: `make run` and `make test`. Each makes its own virtual environment first;
# all they need is Python 3.11 or newer, make, and a network for the packages.
# Where PYTHONDONTWRITEBYTECODE is set, every command and every test run would compile all modules again.
export PYTHONDONTWRITEBYTECODE :=
PYTHON ?= python3
VENV   ?= .venv
PORT   ?= 8000
bin    := $(VENV)/bin

.PHONY: run test check unit bench bench-pages eval fuzz structure mutation lock clean

## run: start paperround: seeds on the first start, a first round into the built-in inbox, the web pages
run: $(VENV)/.ready-run
	$(bin)/paperround up --port $(PORT)

## test: everything that CI checks
test: check
	$(bin)/python -m tests

## check: style, types and the layering of the code
check: $(VENV)/.ready-test
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/lint-imports

## unit: the tests without services, with fewer generated examples than `make test` tries: in seconds
unit: $(VENV)/.ready-test
	$(bin)/python -m tests unit

## bench: how fast letters go out, beside the usual way, smtplib, smtp-source and (NODEMAILER=folder) nodemailer
bench: $(VENV)/.ready-test
	$(bin)/python tests/support/bench_delivery.py --dkim --delay 20 --workers 1 2 4 --sizes 1000 10000 --postgres \
	  $(if $(filter 0,$(shell id -u)),--postfix) $(if $(NODEMAILER),--nodemailer $(NODEMAILER))

## bench-pages: how fast the pages answer beside a round, with 200,000 papers and 100,000 subscribers; makes them first
bench-pages: $(VENV)/.ready-test
	$(bin)/python tests/support/bench_pages.py

## structure: figures about the structure of the code: parts, levels, imports, names
structure: $(VENV)/.ready-test
	$(bin)/python tests/support/structure.py

## mutation: break, line by line, the modules that the promises rest on, and list what no test noticed (some hours)
mutation: $(VENV)/.ready-test
	$(bin)/pip install --quiet --disable-pip-version-check mutmut==3.8.1
	FEW_EXAMPLES=1 $(bin)/mutmut run --max-children 2
	$(bin)/mutmut results

## fuzz: damage source documents, bounce reports and replies at random and parse them, CASES times (some 40 minutes)
CASES ?= 1000000
fuzz: $(VENV)/.ready-test
	$(bin)/python tests/support/fuzz.py --cases $(CASES)

## eval: how well papers are ranked for interests, with DATA=DIR of papers and judgements (docs/relevance.md)
DATA ?= tests/data/relevance
eval: $(VENV)/.ready-test
	$(bin)/python tests/support/eval_relevance.py $(DATA) $(EVAL)

## lock: resolve the newest versions again and pin them with their hashes
lock: $(VENV)/.ready-test
	$(bin)/pip install --quiet uv
	$(bin)/uv pip compile pyproject.toml --upgrade --all-extras --group build --universal --generate-hashes \
	  --no-header --no-annotate --no-strip-extras --no-emit-index-url --no-emit-find-links --quiet -o constraints.txt
	$(bin)/uv pip compile pyproject.toml --upgrade --all-extras --group build --group test --universal --generate-hashes \
	  --no-header --no-annotate --no-strip-extras --no-emit-index-url --no-emit-find-links --quiet -o constraints-test.txt

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# Without a word, pip is silent for the minute or two that it takes.
$(VENV)/.ready-%: $(VENV)/bin/python pyproject.toml constraints.txt constraints-test.txt
	@echo "installing packages into $(VENV) (about 400 MB, once)"
	@$(bin)/pip install --quiet --disable-pip-version-check --require-hashes \
	  -r $(if $(filter test,$*),constraints-test.txt,constraints.txt)
	$(bin)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(bin)/python -m compileall -q src
	touch $@

# make run    the chapter, preset quick    make test   the tests    make bench   how fast it is    make lint   ruff
# make notebook   JupyterLab with the notebooks    make notebooks   write them anew (ARGS=sec_6_2_srn_memory: one)
# All make the environment first, once, from requirements.txt.
# make test-old   an older Paddle in an environment of its own (PADDLE=3.0.0, PYTHON=python3.12: another one)
# make bench ARGS="--only operators --quick": options of the benchmark; ARGS=--help lists them.
PYTHON ?= python3
VENV ?= .venv
PADDLE ?= 2.6.2
OLD ?= .venv-old-$(PADDLE)
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run test test-old notebook notebooks bench lint clean

run: $(READY)
	$(BIN)/python -m chapter6 run --open

test: $(READY)
	$(BIN)/python -m pytest

# Paddle 2.6.2 has no wheel for Python 3.13, 3.0.0 has one. Of the operators' tests these three files: each way, direction
# and use of gradients; the rest is left out for its time: so it took 2.5 to 5 minutes on two cores. What is skipped is
# listed, with the reason.
test-old: $(OLD)/.ready
	$(OLD)/bin/python -c "import nndl; nndl.runtime.load_paddle()"
	$(OLD)/bin/python -m pytest -rs tests/nndl/op/test_autograd.py tests/nndl/op/test_backends.py tests/nndl/op/test_recurrent.py \
		tests/nndl/metric tests/nndl/test_runner.py tests/nndl/test_book_interface.py
	$(OLD)/bin/python -m chapter6 run 6.2 --lengths 10 --seeds 2 --out $(OLD)/runs

notebook: $(READY)
	$(BIN)/python -m jupyterlab chapter6/notebooks

notebooks: $(READY)
	$(BIN)/python -m chapter6.notebooks.build $(ARGS)

bench: $(READY)
	$(BIN)/python tests/bench/bench.py $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	@echo "Installing about 200 packages, 2 GB; unpacking them takes a minute without a word. 正在安装，解包时约一分钟没有输出。"
	$(BIN)/python -m pip install --requirement requirements.txt
	touch $(READY)

$(OLD)/.ready: tests/old-requirements.txt pyproject.toml
	$(PYTHON) -m venv $(OLD)
	$(OLD)/bin/python -m pip install --requirement tests/old-requirements.txt paddlepaddle==$(PADDLE)
	$(OLD)/bin/python -m pip install --no-deps --editable .
	touch $(OLD)/.ready

clean:
	rm -rf $(VENV) .venv-old-* runs

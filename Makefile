# make run    the chapter, preset quick    make test   the tests    make bench   how fast it is    make lint   ruff
# make notebook   JupyterLab with the notebooks    make notebooks   write them anew (ARGS=sec_6_2_srn_memory: one)
# All make the environment first, once, from requirements.txt.
# make bench ARGS="--only operators --quick": options of the benchmark; ARGS=--help lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run test notebook notebooks bench lint clean

run: $(READY)
	$(BIN)/python -m chapter6 run

test: $(READY)
	$(BIN)/python -m pytest

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

clean:
	rm -rf $(VENV) runs

# Two commands do everything on a machine with Python 3.10 or newer and make:
#   make lenet    LeNet on MNIST, from the definition to an answer on a PNG
#   make check    the whole test suite
# Both create .venv by themselves. "make help" lists the single steps.

# The first Python that is new enough; looked for only when .venv is made.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 10))
PYTHON ?= $(or $(shell for python in python3 python3.13 python3.12 python3.11 python3.10; do \
  $$python -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$python && break; done),python3)
LENET  := work/lenet
VENV   := .venv
BIN    := $(VENV)/bin
NETDEF := ../../$(BIN)/netdef
IN     := cd $(LENET) &&

NET      := $(LENET)/lenet_train_test.prototxt
SOLVER   := $(LENET)/lenet_solver.prototxt
LMDB     := $(LENET)/mnist_test_lmdb/data.mdb
WEIGHTS  := $(LENET)/lenet_iter_10000.caffemodel
DEPLOY   := $(LENET)/lenet_deploy.prototxt
DRAWING  := $(LENET)/lenet.png
CURVES   := $(LENET)/lenet_train.png
TEST_LOG := $(LENET)/lenet_test.log
ANSWERS  := $(LENET)/answers.txt
GALLERY  := $(LENET)/gallery/features.png

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help lenet draw lmdb train plot test deploy classify gallery summary check bench cleanall clean-venv

help:
	@echo "make lenet      the whole of LeNet: draw, lmdb, train, plot, deploy, classify, test"
	@echo "make check      the whole test suite"
	@echo "make bench      networks, single layers and the parser beside their peers; growth; a roofline"
	@echo
	@echo "Step by step, in $(LENET) (each step makes what it needs):"
	@echo "make draw       the net as lenet.png and lenet.svg"
	@echo "make summary    shapes, parameters and costs of every layer"
	@echo "make lmdb       MNIST as LMDB (MNIST_DIR=folder takes the four files from there)"
	@echo "make train      10,000 iterations, with a snapshot at 5,000; goes on from a snapshot if there is one"
	@echo "make plot       loss, accuracy and learning rate as lenet_train.png"
	@echo "make test       the accuracy on the 10,000 test images"
	@echo "make deploy     the net for inference, lenet_deploy.prototxt"
	@echo "make classify   answers on sample images"
	@echo "make gallery    right and wrong answers, confusion matrix, filters and feature maps as pictures"
	@echo "make cleanall   removes $(LENET)"
	@echo "make clean-venv removes $(VENV)"
	@echo
	@echo "PYTHON=python3.12 chooses the Python for .venv."

lenet: draw lmdb train plot deploy classify test
	@echo
	@echo "Done. In $(LENET):"
	@echo "  lenet.png, lenet.svg         the net"
	@echo "  lenet_train.png              how it learned"
	@echo "  lenet_iter_10000.caffemodel  its weights"
	@echo "  lenet_deploy.prototxt        the net that answers"
	@echo "  answers.txt                  what it said about the images in png"

draw: $(DRAWING)
lmdb: $(LMDB)
train: $(WEIGHTS)
plot: $(CURVES)
test: $(TEST_LOG)
	@tail -n 3 $(TEST_LOG)
deploy: $(DEPLOY)
classify: $(ANSWERS)
	@cat $(ANSWERS)
gallery: $(GALLERY)

summary: $(NET)
	$(IN) $(NETDEF) summary lenet_train_test.prototxt --shape 1,28,28

# The definitions are copied once and are the user's from then on.
$(LENET)/%.prototxt: | prototxt/models/%.prototxt $(VENV)/ready
	@mkdir -p $(LENET)
	cp prototxt/models/$*.prototxt $@

$(DRAWING): $(NET)
	$(IN) $(NETDEF) draw lenet_train_test.prototxt --shape 1,28,28 -o lenet.svg -o lenet.png

$(LMDB): | $(VENV)/ready
	@mkdir -p $(LENET)
	$(IN) $(NETDEF) convert_mnist --get . --samples 10

# A run that was cut goes on from its last snapshot, unless a definition has changed since.
$(WEIGHTS): $(NET) $(SOLVER) $(LMDB)
	@$(IN) state=$$(ls -t lenet_iter_*.solverstate 2>/dev/null | head -n 1); \
	if [ "$$state" ] && [ "$$state" -nt lenet_solver.prototxt ] && [ "$$state" -nt lenet_train_test.prototxt ]; \
	then resume=--resume; else rm -f lenet_train.log; fi; \
	set -x; $(NETDEF) train --solver lenet_solver.prototxt --log lenet_train.log $$resume

$(CURVES): $(WEIGHTS)
	$(IN) $(NETDEF) plot lenet_train.log -o lenet_train.png

$(TEST_LOG): $(WEIGHTS)
	$(IN) $(NETDEF) test --model lenet_train_test.prototxt --weights lenet_iter_10000.caffemodel \
	  --iterations 100 2> lenet_test.log || { cat lenet_test.log; exit 1; }

$(DEPLOY): $(NET) $(LMDB)
	$(IN) $(NETDEF) deploy lenet_train_test.prototxt -o lenet_deploy.prototxt

$(ANSWERS): $(DEPLOY) $(WEIGHTS)
	$(IN) $(NETDEF) classify --model lenet_deploy.prototxt --weights lenet_iter_10000.caffemodel \
	  --top 3 png/*.png > answers.txt

$(GALLERY): $(DEPLOY) $(WEIGHTS) $(LMDB)
	$(IN) $(NETDEF) gallery --model lenet_deploy.prototxt --weights lenet_iter_10000.caffemodel \
	  --source mnist_test_lmdb

cleanall:
	rm -rf $(LENET)

clean-venv:
	rm -rf $(VENV)

check: $(VENV)/ready-for-tests
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n auto --dist loadfile

# Peers (PyTorch, ONNX Runtime, OpenCV) take part where the extra "bench" is installed.
bench: $(VENV)/ready
	$(BIN)/python -m tests.benchmarks

# The virtual environment: what the main job needs, and for the suite what it needs besides.
$(VENV)/bin/python:
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' 2>/dev/null || { \
	  echo "netdef needs Python 3.10 or newer; \"$(PYTHON)\" is not." \
	       "Choose another one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "Making $(VENV), once; the packages take a minute to come."
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "\"$(PYTHON)\" could not create a virtual environment." \
	       "On Debian and Ubuntu, \"apt install python3-venv\" brings what is missing."; exit 1; }

$(VENV)/ready: setup.cfg pyproject.toml | $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[plot,digits]'
	@touch $@

$(VENV)/ready-for-tests: $(VENV)/ready
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[plot,digits,test]'
	@touch $@

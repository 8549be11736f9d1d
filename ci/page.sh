#!/usr/bin/env bash
# Tests the page of reports in headless Chromium: ci/page_test.py says what. Installs Chromium and its driver from
# Debian where they are missing, and the client of the driver into target/page.
# Usage: ci/page.sh [PROGRAM]   (target/release/touchstone without arguments)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source ci/common.sh

readonly VENV=target/page/venv SELENIUM=4.51.0
install_tools chromedriver=chromium-driver python3=python3
command -v google-chrome >/dev/null || install_tools chromium=chromium
python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
if [[ $("$VENV/bin/python" -c 'import selenium; print(selenium.__version__)' 2>/dev/null) != "$SELENIUM" ]]; then
  python3 -m venv "$VENV"
  "$VENV/bin/pip" install --quiet --disable-pip-version-check "selenium==$SELENIUM"
fi
"$VENV/bin/python" ci/page_test.py "${1:-target/release/touchstone}" target/page

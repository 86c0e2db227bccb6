#!/bin/sh
# Installs the databases, brokers and registries that the tests speak to, where they are missing, without starting any as a service.
set -eu

# At this run level nothing is started after it was installed.
install() {
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$1" >/dev/null 2>&1
}

for program in /usr/bin/redis-server:redis-server /usr/lib/postgresql/*/bin/postgres:postgresql /usr/bin/openssl:openssl \
    /usr/sbin/mariadbd:mariadb-server /usr/sbin/mosquitto:mosquitto /usr/bin/mosquitto_sub:mosquitto-clients /usr/bin/docker-registry:docker-registry; do
    # shellcheck disable=SC2086 # a pattern stands for the version that is there
    ls ${program%%:*} >/dev/null 2>&1 && continue
    package=${program##*:}
    echo "servers: installing $package" >&2
    # A new machine may not know yet which packages there are.
    install "$package" || { apt-get update >/dev/null 2>&1 && install "$package"; } || {
        echo "servers: \`${program%%:*}\` is missing: install $package with the system's package manager" >&2
        exit 1
    }
done

#!/bin/sh
# SPDX-License-Identifier: MIT
# hosts.sh PROGRAM: two network namespaces as two hosts, each with its own name and address, four ranks that talk by TCP:
# the JSON of one process. Takes root, ip(8) and Open MPI's mpirun; run by hand.
set -eu
program=$(realpath "$1")
scratch=$(mktemp -d)
net=10.77.0
clean() {
    for i in 1 2; do ip netns del "twh$i" 2>/dev/null || true; done
    ip link del twbr 2>/dev/null || true
    rm -rf "$scratch"
}
trap clean EXIT
ip link add twbr type bridge
ip addr add $net.254/24 dev twbr
ip link set twbr up
for i in 1 2; do
    ip netns add "twh$i"
    ip link add "twv$i" type veth peer name eth0 netns "twh$i"
    ip link set "twv$i" master twbr up
    ip -n "twh$i" addr add "$net.$i/24" dev eth0
    ip -n "twh$i" link set eth0 up
    ip -n "twh$i" link set lo up
done
cat >"$scratch/agent" <<'END'
#!/bin/sh
# what mpirun takes for ssh: HOST COMMAND...
host=$1
shift
exec ip netns exec "twh${host##*.}" unshare --uts sh -c "hostname $host; $*"
END
chmod +x "$scratch/agent"
cd "$scratch"
set -- spectrum --model mlp:50-60-10,act=tanh --data gauss:classes=10,dim=50,n=1030 --weights init:3 --top 3 --threads 1 --json --quiet
"$program" "$@" | sed '/seconds"/d' >one.json
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
timeout 120 mpirun -mca plm_rsh_agent "$scratch/agent" -mca oob_tcp_if_include $net.0/24 -mca btl tcp,self \
    -mca btl_tcp_if_include $net.0/24 -mca mpi_yield_when_idle 1 --host $net.1:2,$net.2:2 -n 4 "$program" "$@" --explain \
    2>explained | sed '/seconds"/d' >four.json
grep '^# ranks .*4, 1 threads each' explained
cmp one.json four.json
echo "the same bits on two hosts"

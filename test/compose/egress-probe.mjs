// Tries every way out of where it runs, and prints a line of JSON: {way: "reached" or the error's code}.
// Run by `node --input-type=module -e`, with the targets as JSON in its first argument.
import { createSocket } from 'node:dgram'
import { promises as dns } from 'node:dns'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'

const LIMIT_MS = 4_000
const { tcp, udp, name, abstractSocket } = JSON.parse(process.argv[1])

const code = (error) => error.code ?? 'UNKNOWN'
const inTime = (work) =>
  Promise.race([work, new Promise((resolve) => setTimeout(resolve, LIMIT_MS, 'NO_ANSWER').unref())])

const stream = (options) =>
  new Promise((resolve) => {
    const socket = connect(options, () => resolve('reached')).on('error', (error) => resolve(code(error)))
    setTimeout(() => socket.destroy(), LIMIT_MS).unref()
  })

/** A datagram that the kernel takes has left: nobody has to answer it. */
const datagram = ([host, port]) =>
  new Promise((resolve) => {
    const socket = createSocket('udp4').on('error', (error) => resolve(code(error)))
    socket.send('x', port, host, (error) => resolve(error ? code(error) : 'reached'))
  })

const ways = {
  ...Object.fromEntries(tcp.map(([host, port]) => [`tcp ${host}:${port}`, () => stream({ host, port })])),
  ...Object.fromEntries(udp.map((target) => [`udp ${target.join(':')}`, () => datagram(target)])),
  [`dns query ${name}`]: () => dns.resolve4(name).then(() => 'reached', code),
  [`dns look-up ${name}`]: () => dns.lookup(name).then(() => 'reached', code),
  'abstract socket': () => stream({ path: `\0${abstractSocket}` }),
  'socket of Docker': async () =>
    existsSync('/var/run/docker.sock') ? stream({ path: '/var/run/docker.sock' }) : 'ENOENT',
}
const rows = await Promise.all(Object.entries(ways).map(async ([way, go]) => [way, await inTime(go())]))
console.log(JSON.stringify(Object.fromEntries(rows)))
process.exit(0)

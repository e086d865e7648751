/** Where one Mosquitto keeps its files, and its two listeners. */
export interface BrokerLayout {
  readonly folder: string
  readonly devicePort: number
  readonly serverPort: number
  /** A third listener, where devices show certificates. */
  readonly certificates?: CertificateListener
}

export interface CertificateListener {
  readonly port: number
  /** Of the broker, PEM. */
  readonly certificateFile: string
  readonly keyFile: string
  /** Certificates of the authorities whose devices come in, PEM (`GET …/device-authorities`). */
  readonly authoritiesFile: string
  /** Whose devices come in, `product/environment` each. */
  readonly namespaces: readonly string[]
}

export const SERVER_USERNAME = 'server'

/** The files that `brokerConfiguration` refers to, in the broker's folder. */
export const brokerFiles = (folder: string) => ({
  configuration: `${folder}/mosquitto.conf`,
  log: `${folder}/mosquitto.log`,
  pid: `${folder}/mosquitto.pid`,
  devicePasswords: `${folder}/devices.passwords`,
  deviceRules: `${folder}/devices.acl`,
  certificateRules: `${folder}/certificates.acl`,
  serverPasswords: `${folder}/servers.passwords`,
  serverRules: `${folder}/servers.acl`,
  serverPassword: `${folder}/server.password`,
})

/**
 * mosquitto.conf(5). Two listeners, because a device's client id must be its user name (nobody takes over another's
 * session) and several server instances share one user name but not one client id.
 */
export function brokerConfiguration({ folder, devicePort, serverPort, certificates }: BrokerLayout): string {
  const files = brokerFiles(folder)
  return `per_listener_settings true
# With its default of 1,000 the broker drops reports it has acknowledged when a server is slow. 0, for no limit, makes
# version 2.0 close the connection of a client whose publication the rules deny, instead of telling it so.
max_queued_messages 10000000
# A revocation list has up to 1 MiB; nothing is larger.
max_packet_size 1200000
set_tcp_nodelay true
persistence true
persistence_location ${folder}/
pid_file ${files.pid}
log_dest stderr
log_type error
log_type warning

listener ${devicePort} 127.0.0.1
allow_anonymous false
password_file ${files.devicePasswords}
acl_file ${files.deviceRules}
use_username_as_clientid true

listener ${serverPort} 127.0.0.1
allow_anonymous false
password_file ${files.serverPasswords}
acl_file ${files.serverRules}
${certificates === undefined ? '' : certificateListener(certificates, files.certificateRules)}`
}

/** A device's name is the CN of its certificate: its id, for which the authority vouches. It needs no password. */
const certificateListener = (
  { port, certificateFile, keyFile, authoritiesFile }: CertificateListener,
  rulesFile: string,
): string => `
listener ${port} 127.0.0.1
allow_anonymous false
certfile ${certificateFile}
keyfile ${keyFile}
cafile ${authoritiesFile}
require_certificate true
use_identity_as_username true
use_username_as_clientid true
tls_version tlsv1.2
acl_file ${rulesFile}
`

/**
 * On the listener for certificates the name is the device id alone. Ids are thumbprints of keys, so that no two namespaces have one in
 * common; a report in a topic of another namespace is refused by the server. Where a device writes namespaces are named: with `+` in
 * their place one device could fill the broker with messages that it retains. The server adds who was decommissioned.
 */
export const certificateRules = (namespaces: readonly string[]): string =>
  [
    ...namespaces.flatMap((namespace) => [
      `pattern read cs/v1/${namespace}/d/%u/offer`,
      `pattern write cs/v1/${namespace}/d/%u/report`,
      `pattern write cs/v1/${namespace}/d/%u/state`,
    ]),
    'pattern read cs/v1/+/+/trust',
    'pattern read cs/v1/+/+/krl',
    '',
  ].join('\n')

/**
 * A device's user name is `{product}/{env}/d/{device}`, which confines it to its own topics in its own namespace.
 * A pattern cannot cut the namespace out of that name, and one rule per device costs the broker the square of their
 * number at each reload. So every device may read every namespace's trust and KRL topics: signed documents, made to be
 * read by anybody, that a device refuses unless they name its own namespace. The names of namespaces are thereby no
 * secret among devices of one broker; where they must be, each namespace gets a broker.
 */
export const DEVICE_RULES = `pattern read cs/v1/%u/offer
pattern write cs/v1/%u/report
pattern write cs/v1/%u/state
pattern read cs/v1/+/+/trust
pattern read cs/v1/+/+/krl
`

/** A server hears devices and speaks to them; it cannot speak for one. */
export const SERVER_RULES = `user ${SERVER_USERNAME}
topic read cs/v1/+/+/d/+/report
topic read cs/v1/+/+/d/+/state
topic write cs/v1/+/+/d/+/offer
topic write cs/v1/+/+/trust
topic write cs/v1/+/+/krl
`

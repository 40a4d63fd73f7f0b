// Corepack in the stand-ins trusts and asks what npm here does: it reads no npmrc, and Node's fetch no store of the system's.
const { readFileSync } = require('fs');
const tls = require('tls');

const registry = /^registry=(.*?)\/?$/m.exec(readFileSync('/usr/local/etc/npmrc', 'utf8'))[1];
process.env.COREPACK_NPM_REGISTRY ??= registry;
// a mirror need not hand on the registry's signatures
process.env.COREPACK_INTEGRITY_KEYS ??= '0';

const ca = readFileSync('/etc/ssl/certs/ca-certificates.crt');
const createSecureContext = tls.createSecureContext;
tls.createSecureContext = (options) => createSecureContext({ ca, ...options });

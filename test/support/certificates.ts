import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { must } from './process.ts';

export interface Certificate {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** The certificate, PEM: it is its own authority. */
  readonly certificate: string;
  readonly key: string;
}

/** A self-signed certificate for 127.0.0.1 and localhost, written into `directory`. */
export async function makeCertificate(directory: string, name: string): Promise<Certificate> {
  const keyFile = path.join(directory, `${name}.key`);
  const certificateFile = path.join(directory, `${name}.crt`);
  await must([
    ...['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`],
    ...['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-keyout', keyFile, '-out', certificateFile],
  ]);
  const [certificate, key] = await Promise.all([
    readFile(certificateFile, 'utf8'),
    readFile(keyFile, 'utf8'),
  ]);
  return { certificateFile, keyFile, certificate, key };
}

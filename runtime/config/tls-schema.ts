import * as v from 'valibot';

const file = (described: string) =>
  v.pipe(
    v.string('must be the name of a file'),
    v.nonEmpty('must not be empty'),
    v.description(`${described} PEM, relative to this file.`),
  );

/** The files of `broker.tls`. */
export const TLS_FILES = {
  certificate: file('The certificate of the broker, with those that lead to an authority.'),
  key: file('Its key, without a passphrase.'),
  clientAuthority: v.optional(
    file(
      'Authorities that certify clients: `edgetwin client add NAME --subject`. Without it clients ' +
        'come with passwords, or with certificates that were named one by one.',
    ),
  ),
};

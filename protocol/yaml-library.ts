/** What reading and printing a person's files takes of the package: a bundle splits only modules of our own. */
export { Composer, isAlias, isMap, isScalar, isSeq, LineCounter, Parser, stringify } from 'yaml';

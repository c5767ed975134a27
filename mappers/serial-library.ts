/** The package with the native binding, loaded with the first port: a bundle splits only modules of our own. */
export { SerialPort } from 'serialport';
